"""Homes for events that wait to be shipped; all follow `structlog_mozdef.buffers.base.Buffer`."""
