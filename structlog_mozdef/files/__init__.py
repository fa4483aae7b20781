"""Files that nobody else can read, replace or redirect, and descriptors that a program may close.

Knows nothing of events. Used by the buffers that keep them on disk.

- `structlog_mozdef.files.private_folder`: opens a folder that belongs to this user alone.
- `structlog_mozdef.files.opening`: opens and makes files and folders in it.
- `structlog_mozdef.files.lines`: reads lines of a file that others may be writing to.
- `structlog_mozdef.files.descriptor`: keeps files open for long.
"""
