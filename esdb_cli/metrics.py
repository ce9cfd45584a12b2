"""`esdb metrics`: the store's metrics in the format of OpenMetrics, to a file, to a port or to the terminal."""

from __future__ import annotations

import ipaddress
import os
import signal
import threading
from pathlib import Path
from typing import Any, Final

import click

from esdb_cli.db import database_option
from esdb_cli.deadline import timeout_option
from esdb_cli.errors import CliError
from esdb_cli.output import say

_RULES: Final = "prometheus_rules.yml"
_DASHBOARD: Final = "grafana_dashboard.json"


class _Address(click.ParamType):  # type: ignore[type-arg]  # older versions of click are not generic
    """An address and a port: 127.0.0.1:9187, [::1]:9187, localhost:9187."""

    name = "address:port"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, int]:
        """Split the text."""
        host, _, port = str(value).rpartition(":")
        if not host or not port.isascii() or not port.isdigit() or int(port) > 65535:
            self.fail(f"{value!r} is no ADDRESS:PORT, such as 127.0.0.1:9187.", param, ctx)
        return host.removeprefix("[").removesuffix("]"), int(port)


@click.command()
@click.option("--serve", type=_Address(), metavar="ADDRESS:PORT", help="Serve them there over HTTP until stopped.")
@click.option(
    "--textfile",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Write them to this file, as a whole, for node_exporter: its name ends in .prom.",
)
@click.option("--rules", "template", flag_value=_RULES, help="Print alert rules for Prometheus and stop.")
@click.option("--dashboard", "template", flag_value=_DASHBOARD, help="Print a dashboard for Grafana and stop.")
@timeout_option
@database_option
def metrics(
    *,
    serve: tuple[str, int] | None,
    textfile: Path | None,
    template: str | None,
    timeout: float,
    database_url: str | None,
) -> None:
    """Print the store's metrics, in the format of OpenMetrics.

    They are the rows of the view esdb.metrics, which says what each means. A store that cannot be reached gives
    esdb_up 0, and exit code 5 unless they are served.
    """
    if sum(given is not None for given in (serve, textfile, template)) > 1:
        raise click.UsageError("Give one of --serve, --textfile, --rules, --dashboard.")
    if template is not None:
        _print_template(template)
        return
    from prometheus_client import CollectorRegistry

    from esdb_cli.metrics_collector import StoreCollector

    collector = StoreCollector(database_url, timeout, say if serve else lambda _: None)
    registry = CollectorRegistry(auto_describe=False)
    registry.register(collector)
    if serve is not None:
        _serve(collector, registry, *serve)
        return
    if textfile is not None:
        from prometheus_client import write_to_textfile

        write_to_textfile(str(textfile), registry)
    else:
        from prometheus_client.openmetrics.exposition import generate_latest

        text: bytes = generate_latest(registry)  # type: ignore[no-untyped-call]
        click.echo(text.decode(), nl=False)
    if collector.error is not None:
        raise collector.error


def _print_template(name: str) -> None:
    from esdb_cli.resources import templates_dir

    click.echo((templates_dir() / name).read_text(encoding="utf-8"), nl=False)


def _serve(collector: Any, registry: Any, host: str, port: int) -> None:
    """Answer until SIGTERM or Ctrl-C comes. A server that is away is no reason to end: that is what esdb_up tells."""
    from prometheus_client import start_http_server

    # raises where no database is given
    collector.collect()
    ended = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: ended.set())
    try:
        server, _ = start_http_server(port, host, registry)
    except OSError as error:
        raise CliError(f"cannot listen on {host} port {port}: {os.strerror(error.errno or 0)}") from error
    say(f"serving http://{_shown(host)}:{server.server_port}/metrics")
    ended.wait()
    server.shutdown()


def _shown(host: str) -> str:
    try:
        return f"[{host}]" if ipaddress.ip_address(host).version == 6 else host
    except ValueError:
        return host
