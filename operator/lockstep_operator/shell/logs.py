"""Structured logs on stderr, for our own messages and those of the libraries alike."""

import logging
import sys

import structlog

_QUIET = ("kopf", "kubernetes", "aiohttp", "asyncio")


class _FinalOnly(logging.Filter):
    """Leaves out kopf's retries: seven watches in an outage would say the same each second."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Return whether to log the record."""
        return not (record.name.startswith("kopf") and "will retry" in record.getMessage())


def set_up_logs(log_format: str, level: str) -> None:
    """Write logs as `json` lines or as `text`; libraries speak up from WARNING on."""
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    renderer: list[structlog.typing.Processor] = (
        [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
        if log_format == "json"
        else [structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())]
    )
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *renderer],
        )
    )
    handler.addFilter(_FinalOnly())
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level.upper())
    for name in _QUIET:
        logging.getLogger(name).setLevel(max(root.level, logging.WARNING))
