"""Start uWSGI with the arguments of the command line."""

import sys

import pyuwsgi

pyuwsgi.run(sys.argv[1:])
