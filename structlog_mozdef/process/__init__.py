"""What belongs to one process: who it is, how it forks, how it ends.

Nothing comes before this room but the private modules at the top (`_log`, `_validate`, ...); every
other room may use it.

- `identity`: host name, process id and process name, each looked up once.
- `fork`: what a forked child replaces.
- `exit`: closing what is open, in whatever way a process ends.
- `signals`: SIGTERM, and a second one, which ends at once. `missed_signals`: a SIGTERM that Python
  would not notice.
- `standard_error`: the last way to say something.
- `threads`: starting those of the package, which take no signals.
- `uwsgi`: what uWSGI does differently.
"""
