"""Ways to MozDef; all follow `structlog_mozdef.transports.base.Transport`."""
