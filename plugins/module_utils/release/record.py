# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: nothing outside of it may import this file, which changes without notice.
"""The release record: what was deployed and made live, by whom, and the journal of the run in progress.

It is a copy for people and for resuming, written after the effect. The truth about what is live is the route.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from ..core.errors import DeliveryError
from ..core.names import default_service_name

SCHEMA = 1
HISTORY = 20


@dataclass(frozen=True, slots=True)
class ColorRelease:
    """One release in one colour. C(image) is by digest where there is one, C(time) ISO 8601 in UTC."""

    color: str
    spec: str
    image: str
    instances: int
    time: str
    by: str


@dataclass(frozen=True, slots=True)
class JournalEntry:
    """One stage of a run: C(outcome) is C(started), C(done) or C(failed).

    C(goal) says where a stage was going that would go elsewhere if it were planned anew: the run that follows a killed
    one finishes it.
    """

    stage: str
    outcome: str
    time: str
    goal: str | None = None


@dataclass(frozen=True, slots=True)
class Run:
    """The run in progress, or the last one."""

    id: str
    owner: str
    since: str
    journal: tuple[JournalEntry, ...] = ()


@dataclass(frozen=True, slots=True)
class ReleaseRecord:
    """All that is recorded of one target."""

    project: str
    target: str
    live: ColorRelease | None = None
    candidate: ColorRelease | None = None
    previous: ColorRelease | None = None
    live_since: str | None = None
    run: Run | None = None
    history: tuple[Mapping[str, Any], ...] = ()

    @property
    def is_empty(self) -> bool:
        """Whether nothing was ever recorded, not even that a run began."""
        return (self.live, self.candidate, self.previous, self.run) == (None, None, None, None)

    # -- transitions --------------------------------------------------------------------------------------------

    def entered(self, run: str, owner: str, stage: str, now: str, goal: str | None = None) -> ReleaseRecord:
        """A run entered a stage; another run's journal is replaced."""
        current = self.run if self.run is not None and self.run.id == run else Run(run, owner, now)
        entry = JournalEntry(stage, "started", now, goal)
        return replace(self, run=replace(current, journal=(*current.journal, entry)))

    def unfinished(self, stage: str) -> str | None:
        """The goal of C(stage) if the last run was killed in it."""
        last = self.run.journal[-1] if self.run is not None and self.run.journal else None
        return last.goal if last is not None and (last.stage, last.outcome) == (stage, "started") else None

    def left(self, stage: str, outcome: str, now: str) -> ReleaseRecord:
        """The run's stage ended with C(outcome)."""
        if self.run is None:
            return self
        return replace(self, run=replace(self.run, journal=(*self.run.journal, JournalEntry(stage, outcome, now))))

    def deployed(self, release: ColorRelease) -> ReleaseRecord:
        """A candidate runs healthy. A previous release of that colour is overwritten by it."""
        previous = self.previous if self.previous is not None and self.previous.color != release.color else None
        return replace(self, candidate=release, previous=previous)

    def overwritten(self, color: str) -> ReleaseRecord:
        """What ran in C(color) is being removed, whatever comes next: neither flip nor rollback may count on it."""
        gone = {
            name: None
            for name, known in (("candidate", self.candidate), ("previous", self.previous))
            if known is not None and known.color == color
        }
        return replace(self, **gone)  # type: ignore[arg-type]

    def made_live(self, color: str, now: str) -> ReleaseRecord:
        """Every proxy serves C(color) now: it is live, what was live before is the previous release."""
        promoted = self.candidate is not None and self.candidate.color == color
        if self.live is not None and self.live.color == color and not promoted:
            return self
        release = next(
            (known for known in (self.candidate, self.previous) if known is not None and known.color == color), None
        )
        if release is None:
            release = ColorRelease(color, "", "", 0, now, "")
        event = {**asdict(release), "live_since": now}
        return replace(
            self,
            live=release,
            candidate=None,
            previous=self.live if self.live is not None and self.live.color != color else None,
            live_since=now,
            history=(event, *self.history)[:HISTORY],
        )

    def caught_up(self, live: str | None, served: set[str], now: str) -> ReleaseRecord:
        """After a run that was killed between its flip and the record of it: C(live) by the route is what all serve."""
        return self.made_live(live, now) if live is not None and served == {live} else self

    def adopted(self, release: ColorRelease, now: str) -> ReleaseRecord:
        """What is live was found out again, after it had been lost: nothing is known of other releases."""
        event = {**asdict(release), "live_since": now}
        return replace(
            self,
            live=release,
            candidate=None,
            previous=None,
            live_since=now,
            history=(event, *self.history)[:HISTORY],
        )

    def without_candidate(self) -> ReleaseRecord:
        """The candidate was removed."""
        return replace(self, candidate=None)

    def with_instances(self, color: str, instances: int) -> ReleaseRecord:
        """A colour was scaled."""
        changes: dict[str, Any] = {}
        for name in ("live", "candidate", "previous"):
            release = getattr(self, name)
            if release is not None and release.color == color:
                changes[name] = replace(release, instances=instances)
        return replace(self, **changes)

    # -- JSON ---------------------------------------------------------------------------------------------------

    def to_document(self, service: str | None = None) -> dict[str, Any]:
        """The JSON object that stands in Consul; C(service) is the name where it is not the default."""
        name = service or default_service_name(self.project, self.target)
        return {"schema": SCHEMA, "service": name, **asdict(self)}

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> ReleaseRecord:
        """Parse; raises DeliveryError when the record is of another schema or damaged."""
        service = str(document.get("service", "?"))
        if document.get("schema") != SCHEMA:
            raise DeliveryError(
                f"release record of '{service}' has schema {document.get('schema')}, this version reads {SCHEMA}: "
                f"update the collection on this host"
            )
        try:
            run = document.get("run")
            return cls(
                project=document["project"],
                target=document["target"],
                live=_color_release(document.get("live")),
                candidate=_color_release(document.get("candidate")),
                previous=_color_release(document.get("previous")),
                live_since=document.get("live_since"),
                run=Run(run["id"], run["owner"], run["since"], tuple(JournalEntry(**entry) for entry in run["journal"]))
                if run
                else None,
                history=tuple(document.get("history", ())),
            )
        except (KeyError, TypeError) as error:
            raise DeliveryError(
                f"release record of '{service}' in Consul is damaged ({error}): delete the key, the next release "
                f"rebuilds it"
            ) from error


def _color_release(document: Mapping[str, Any] | None) -> ColorRelease | None:
    return None if document is None else ColorRelease(**document)
