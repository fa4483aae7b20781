"""Benchmarks, as ratios of figures that are measured side by side in one run: ``make bench``."""
