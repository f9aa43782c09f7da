"""The command `crossfoot setup …`: what an org needs before anything is written. A thin door."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from reverse_etl.furnishing.planning import Step

app = typer.Typer(
    help="Give an org, and companies, what the flows need: fields, rights, terms, accounts.",
    no_args_is_help=True,
)
_MAPPED = (
    "terms", "item_rules", "invoice_discounts", "invoice_fields", "document_numbers",
    "company_routing",
)  # fmt: skip


@app.command()
def salesforce(
    apply: Annotated[
        bool, typer.Option("--apply", help="Do it; without this the steps are only shown.")
    ] = False,
    remove: Annotated[
        bool, typer.Option("--remove", help="Take away what this command made, with its values.")
    ] = False,
    user: Annotated[
        str,
        typer.Option(
            help="Username of the integration user; the one that is logged in, if not given."
        ),
    ] = "",
    with_inputs: Annotated[
        bool,
        typer.Option(
            "--with-inputs",
            help="Also the fields that people fill for Crossfoot: PO number, billing plan, "
            "billing contact.",
        ),
    ] = False,
) -> None:
    """Custom fields, external ids and a permission set in Salesforce: shown first, then made.

    Run twice it changes nothing; a run that broke off is simply run again.
    """
    from pipelines.clients.salesforce import salesforce_client
    from pipelines.clients.salesforce_components import OrgComponents
    from pipelines.settings import load_settings
    from reverse_etl.calls import recording
    from reverse_etl.furnishing import furnishing, planning
    from reverse_etl.furnishing.wanted import wanted_fields

    settings = load_settings()
    wanted = wanted_fields(told=with_inputs, invoices=settings.invoice_object)
    with recording(settings, "setup") as book:
        org = OrgComponents(salesforce_client(settings, book))
        user_id = org.user(user) if user else org.own_user()
        held = furnishing.look(org, wanted, user_id, count=remove)
        plan = (planning.removal if remove else planning.steps)(wanted, held)
        whose = f"Salesforce, {settings.salesforce.name} ({org.org_id})"
        advice = ". Change it in Setup, or remove it there."
        for line in told(plan, whose, is_done=apply, advice=advice):
            typer.echo(line)
        if apply and planning.due(plan):
            furnishing.do(
                org, plan, wanted, user_id, lambda step: typer.echo(f"  done: {one(step)}")
            )
    _end(plan, apply=apply)


@app.command()
def quickbooks(
    apply: Annotated[
        bool, typer.Option("--apply", help="Do it; without this the steps are only shown.")
    ] = False,
) -> None:
    """Terms and accounts that the mapping names: shown first, then made; and what a person sets up.

    Run twice it changes nothing. Ends with 1 while something is left for a person.
    """
    from pipelines import mapping
    from pipelines.clients.quickbooks import quickbooks_client
    from pipelines.settings import load_settings
    from reverse_etl.calls import recording
    from reverse_etl.furnishing import books

    settings = load_settings()
    mapped = mapping.read_mapping(settings.dbt_dir / "seeds", settings.mapping_path)
    tables = {name: mapped.tables[name].rows for name in _MAPPED}
    plans: list[Step] = []
    with recording(settings, "setup") as book:
        for company in settings.quickbooks.companies:
            client = quickbooks_client(settings, company.realm_id, book)
            plan = books.steps(company.realm_id, tables, books.look(client))
            whose = f"QuickBooks, {company.name} ({company.realm_id})"
            for line in told(plan, whose, is_done=apply):
                typer.echo(line)
            if apply:
                books.do(
                    client, company.realm_id, plan, lambda step: typer.echo(f"  done: {one(step)}")
                )
            plans += plan
    _end(plans, apply=apply)


def _end(plan: Sequence[Step], *, apply: bool) -> None:
    from reverse_etl.furnishing import planning

    due = len(planning.due(plan))
    if not due:
        typer.echo("Nothing is left to do here.")
    elif not apply:
        typer.echo(f"{due} steps. Nothing was changed: add --apply to do them.")
    else:
        typer.echo(f"{due} steps done. Run `crossfoot extract` so that they are read.")
    if planning.for_people(plan):
        raise typer.Exit(1)


def told(plan: Sequence[Step], whose: str, *, is_done: bool, advice: str = "") -> list[str]:
    """The steps as lines: what is to be done, what a person has to do (with `advice` how), how much
    is there. What is done at once is told as it is done."""
    from reverse_etl.furnishing import planning

    due, people = planning.due(plan), planning.for_people(plan)
    stays = [s for s in plan if s.verb is None and s.note and not s.needs_person]
    there = len(plan) - len(due) - len(people) - len(stays)
    lines = [whose]
    if not is_done:
        lines += [f"  {'-' if step.verb == 'remove' else '+'} {one(step)}" for step in due]
    lines += [f"  ! {one(step)}{advice}" for step in people]
    lines += [f"  = {one(step)}" for step in stays]
    return [*lines, f"  {there} of {len(plan)} are there already."] if there else lines


def one(step: Step) -> str:
    """`create field Account.QBO_Overdue__c: Checkbox, “Overdue invoices”`."""
    begin = f"{step.verb} {step.kind} {step.name}" if step.verb else f"{step.kind} {step.name}"
    return f"{begin}: {step.note}" if step.note else begin
