"""Paths of the shop."""

from django.urls import path

from shop import views

urlpatterns = [
    path("orders/<int:number>", views.show_order),
    path("login/<str:username>", views.login),
]
