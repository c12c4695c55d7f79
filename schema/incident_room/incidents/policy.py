"""Permission rules that depend on the incident, and not only on the principal's grants."""

from __future__ import annotations

from incident_room.incidents.lifecycle import RESOLUTIONS
from incident_room.incidents.store import load_incidents
from incident_room.scopes import INCIDENTS_WRITE, CommandsAll, SeesInternal
from incident_room.vocabulary import Visibility
from watchword import BadUserInput, HasScope, Question, condition, decode_id


@condition("to command this incident")
async def commands_incident(question: Question) -> bool:
    """Allow the commander of the incident that the input names."""
    try:
        key = decode_id(question.arguments["input"].incident, "Incident")
    except BadUserInput:
        return False
    row = await question.info.context.loader(load_incidents).load(key)
    subject = question.principal.subject
    return bool(subject and row is not None and row.commander_id == subject)


@condition("to leave the incident unresolved")
def resolves_nothing(question: Question) -> bool:
    """Allow an input that does not resolve the incident."""
    return question.arguments["input"].status not in RESOLUTIONS


@condition("to see internal updates, or to post to the public")
def posts_where_it_sees(question: Question) -> bool:
    """Allow public updates, and internal ones only if the principal may read them."""
    is_public = question.arguments["input"].visibility is Visibility.PUBLIC
    return bool(is_public or SeesInternal.allows(question.principal))


LeadsIncident = HasScope(INCIDENTS_WRITE) & (CommandsAll | commands_incident)

# Two mutations can resolve an incident; the same rule decides in both.
ResolvesOnlyWhatItLeads = resolves_nothing | CommandsAll | commands_incident
