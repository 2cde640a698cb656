"""Run every benchmark, each in a process of its own, and print one table."""

import json
import os
import platform
import subprocess
import sys

from rich.console import Console
from rich.table import Table

BENCHMARKS = ("leg", "legkinds", "ingest", "whole", "downloads", "catalogue")
RUN = "import json, sys; from benchmarks import {0}; print(json.dumps(list({0}.rows())))"


def main() -> None:
    """Print the table; each row is a name, a value and its unit."""
    table = Table("measure", "value", "unit", title=f"{platform.python_version()}, {os.cpu_count()} cores")
    for name in BENCHMARKS:
        done = subprocess.run(
            [sys.executable, "-c", RUN.format(name)], check=True, stdout=subprocess.PIPE, text=True
        )
        for measure, value, unit in json.loads(done.stdout.splitlines()[-1]):
            table.add_row(measure, f"{value:,.1f}", unit)
        table.add_section()
    table.columns[1].justify = "right"
    Console(width=None if sys.stdout.isatty() else 110).print(table)


main()
