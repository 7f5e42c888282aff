"""One self-contained HTML page of one or several results files."""

from .page import write_report

__all__ = ["write_report"]
