"""The commands, one a module: ``add_arguments(parser)`` and ``run(options)``."""
