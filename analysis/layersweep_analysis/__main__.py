"""`python -m layersweep_analysis report|figures|export …`, which `layersweep report` and its siblings hand over to."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from .printable import printable
from .results import ResultsError, ResultsFile, find_results, open_file


def main(given: Sequence[str] | None = None) -> int:
    arguments = _parser().parse_args(given)
    try:
        code: int = arguments.run(arguments)
        return code
    except ResultsError as error:
        print(f"error: {error}", file=sys.stderr)
    except ModuleNotFoundError as error:
        print(f"error: the Python package {error.name} is missing: install the analysis package with its dependencies, "
              f"{sys.executable} -m pip install ./analysis", file=sys.stderr)  # fmt: skip
    except BrokenPipeError:  # the reader of our output has gone; nothing more may be written to it
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except OSError as error:
        print(f"error: {printable(error.filename or 'output')}: {error.strerror}", file=sys.stderr)
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)
        return 130
    return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="layersweep", description="Reports, figures and tables from results files.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    places = "results.h5, a run folder, or a folder of run folders (of a sweep)"

    report = commands.add_parser("report", help="one HTML page of a run, or of several side by side")
    report.add_argument("files", nargs="+", metavar="FILE", help=places)
    report.add_argument("--out", metavar="PAGE", help="where to write the page; default: report.html beside the first file")
    report.add_argument(
        "--example", action="append", default=[], metavar="ID", help="a text that has to be in the page; may be given again"
    )
    report.add_argument("--no-speech", action="store_true", help="leave out parts of speech (the slowest part)")
    report.set_defaults(run=_report)

    figures = commands.add_parser("figures", help="the main plots as vector files for papers")
    figures.add_argument("files", nargs="+", metavar="FILE", help=places)
    figures.add_argument("--out", metavar="DIR", default="figures", help="folder for the plots; default: figures")
    figures.add_argument("--format", choices=("pdf", "svg", "png"), default="pdf", help="default: pdf")
    figures.add_argument(
        "--example", action="append", default=[], metavar="ID", help="a text to draw as tokens by layers; may be given again"
    )
    figures.set_defaults(run=_figures)

    export = commands.add_parser("export", help="tidy tables as CSV or Parquet")
    export.add_argument("files", nargs=1, metavar="FILE", help="results.h5 or a run folder")
    export.add_argument(
        "--table", choices=("tokens", "examples", "probes"), default="tokens",
        help="a row for each (mode, point) and token, example, or probe; default: tokens",
    )  # fmt: skip
    export.add_argument("--out", metavar="TABLE", required=True, help="file to write: .csv or .parquet")
    export.add_argument("--mode", action="append", choices=("input", "hidden"), help="default: all modes of the file")
    export.add_argument("--point", action="append", type=int, metavar="N", help="default: all points; may be given again")
    export.add_argument("--split", action="append", choices=("train", "dev", "test"), help="default: all splits of the file")
    export.add_argument("--all-seeds", action="store_true", help="every probe, not only the chosen one of each point")
    export.set_defaults(run=_export)
    return parser


def _open_all(stack: ExitStack, places: list[str]) -> list[ResultsFile]:
    return [stack.enter_context(open_file(path)) for path in find_results(places)]


def _report(arguments: argparse.Namespace) -> int:
    from .report import write_report

    with ExitStack() as stack:
        files = _open_all(stack, arguments.files)
        out = Path(arguments.out) if arguments.out else files[0].path.with_name("report.html")
        write_report(files, out, arguments.example, speech=not arguments.no_speech)
    print(printable(out))
    return 0


def _figures(arguments: argparse.Namespace) -> int:
    from .figures import write_figures

    with ExitStack() as stack:
        for path in write_figures(_open_all(stack, arguments.files), Path(arguments.out), arguments.format, arguments.example):
            print(printable(path))
    return 0


def _export(arguments: argparse.Namespace) -> int:
    from .export import FORMATS, Selection, export

    out = Path(arguments.out)
    kind = out.suffix.removeprefix(".")
    if kind not in FORMATS:
        raise ResultsError(f"cannot write {out}: its name must end in {' or '.join('.' + name for name in FORMATS)}")
    with ExitStack() as stack:
        files = _open_all(stack, arguments.files)
        if len(files) > 1:
            raise ResultsError(f"{arguments.files[0]} holds {len(files)} results files: export one at a time")
        points = files[0].root.sizes["point"]
        wrong = [point for point in arguments.point or [] if not 0 <= point < points]
        if wrong:
            raise ResultsError(f"there is no point {wrong[0]}: {files[0].path} has 0 to {points - 1}")
        rows = export(files[0], arguments.table, out, kind, Selection(arguments.mode, arguments.point, arguments.split, arguments.all_seeds))
    if rows == 0:
        raise ResultsError(f"{files[0].path} has nothing that fits: no table was written")
    print(f"{printable(out)}: {rows:,} rows")
    return 0


if __name__ == "__main__":
    sys.exit(main())
