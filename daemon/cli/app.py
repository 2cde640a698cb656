"""`wavstream app`: applications, put straight into the daemon's catalogue."""

from typing import Annotated

import typer

from daemon.cli.failure import ending, failed

apps = typer.Typer(
    help="Create, show, remove applications, in the daemon's catalogue itself (DATA_DIR or DATABASE_URL).",
)
AppId = Annotated[str, typer.Argument(metavar="ID", help="1 to 64 of a-z A-Z 0-9 _ -")]


@apps.command("set")
def set_app(
    app_id: AppId,
    *,
    webhook_url: Annotated[
        str | None, typer.Option(help='Where its webhooks go; "" for nowhere. [default: unchanged]')
    ] = None,
    rate_limit: Annotated[
        int | None,
        typer.Option(min=0, max=10_000, help="Requests a minute; 0 for the default. [default: unchanged]"),
    ] = None,
    event: Annotated[
        list[str] | None,
        typer.Option(
            help="An event to deliver; several times for several; all where none. [default: unchanged]"
        ),
    ] = None,
    api_key: Annotated[
        str | None,
        typer.Option(help="Its API key, 16 characters at least. [default: unchanged, or a new one]"),
    ] = None,
    new_key: Annotated[
        bool, typer.Option("--new-key", help="Make a new API key for one that has a key.")
    ] = False,
    print_key: Annotated[
        bool, typer.Option("--print-key", help="Make a new API key, and print nothing else.")
    ] = False,
) -> None:
    """Create an application, or change one.

    A new one gets an API key, which is shown this one time. A key that is replaced works on beside the new
    one, so that clients can change over; the key that it had replaced ends.
    """
    from daemon.cli import applications

    change = applications.Change(webhook_url, rate_limit, event, api_key, fresh=new_key or print_key)
    with ending(applications.CatalogError, refusing=applications.REFUSED):
        missing = applications.missing_catalogue()
        done = applications.change(app_id, change)
    if missing is not None:
        words = f"new catalogue in {missing}: a daemon with another DATA_DIR does not know {app_id}"
        typer.echo(f"wavstream: {words}", err=True)
    if print_key:
        typer.echo(done.api_key)
        return
    typer.echo(f"application {app_id} {'created' if done.created else 'changed'}")
    if done.api_key is not None:
        typer.echo(f"API key: {done.api_key}   (kept as a hash: it cannot be shown again)")
    if done.webhook_secret is not None:
        typer.echo(f"webhook secret: {done.webhook_secret}")


@apps.command("show")
def show_app(app_id: AppId) -> None:
    """Show an application as JSON, without its secrets."""
    from daemon.cli import applications

    with ending(applications.CatalogError, refusing=applications.REFUSED):
        found = applications.shown(app_id)
    if found is None:
        failed(f"no application {app_id}")
    typer.echo(found)


@apps.command("remove")
def remove_app(app_id: AppId) -> None:
    """Remove an application: its keys are refused from then on. Its recordings stay until they expire."""
    from daemon.cli import applications

    with ending(applications.CatalogError, refusing=applications.REFUSED):
        removed = applications.removed(app_id)
    if not removed:
        failed(f"no application {app_id}")
    typer.echo(f"application {app_id} removed")


@apps.command("secret")
def new_secret(app_id: AppId) -> None:
    """Make a new webhook secret, and print it. The one before signs on beside it; an older one ends."""
    from daemon.cli import applications

    with ending(applications.CatalogError, refusing=applications.REFUSED):
        secret = applications.new_secret(app_id)
    if secret is None:
        failed(f"no application {app_id}")
    typer.echo(secret)


@apps.command("list")
def list_apps() -> None:
    """List the applications, one a line."""
    from daemon.cli import applications

    with ending(applications.CatalogError, refusing=applications.REFUSED):
        for line in applications.listed():
            typer.echo(line)


@apps.command("letters")
def show_letters(
    app_id: AppId,
    *,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="Show no more than so many.")] = 100,
) -> None:
    """List an application's dead letters, newest first: webhooks that its receiver did not take."""
    from daemon.cli import applications, letters

    with ending(applications.CatalogError, refusing=applications.REFUSED):
        for line in letters.listed(app_id, limit):
            typer.echo(line)


@apps.command("resend")
def resend_letters(
    app_id: AppId,
    event_ids: Annotated[
        list[str] | None, typer.Argument(metavar="[EVENT]...", help="Only these. [default: all]")
    ] = None,
) -> None:
    """Send an application's dead letters again, under their old ids: a daemon notices in half a minute."""
    from daemon.cli import applications, letters

    with ending(applications.CatalogError, letters.UndeliverableError, refusing=applications.REFUSED):
        count = letters.resent(app_id, event_ids or [])
    typer.echo(f"{count} to be sent again")
