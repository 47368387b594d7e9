# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: nothing outside of it may import this file, which changes without notice.
"""Scale expressions: absolute and relative, always against the running count."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal

from .errors import DeliveryError

_FORMS = "use a number (5), a step (+2, -1), a percentage (50%) or a factor (x1.5)"
_EXPRESSION = re.compile(r"(?P<absolute>\d+)|(?P<step>[+-][1-9]\d*)|(?P<percent>\d+(\.\d+)?)%|x(?P<factor>\d+(\.\d+)?)")


@dataclass(frozen=True, slots=True)
class Scale:
    """One parsed expression. C(kind) is absolute, step, percent or factor; C(amount) its number."""

    text: str
    kind: str
    amount: Decimal

    @classmethod
    def parse(cls, text: str) -> Scale:
        """Parse C(5), C(+2), C(-1), C(50%) or C(x1.5); anything else, C(-0) and C(+2.5) too, raises DeliveryError."""
        stripped = text.strip()
        match = _EXPRESSION.fullmatch(stripped)
        if match is None or match.lastgroup is None:
            raise DeliveryError(f"scale '{text}' is not valid: {_FORMS}")
        kind = match.lastgroup
        return cls(stripped, kind, Decimal(match.group(kind)))

    def resolve(self, running: int, minimum: int = 1, maximum: int | None = None) -> int:
        """The wanted number of instances, given that C(running) run now.

        Percentages and factors round half up. A result outside C(minimum)..C(maximum) raises DeliveryError:
        a silent clamp would hide that the wish was not fulfilled.
        """
        if self.kind == "absolute":
            wanted = int(self.amount)
        elif self.kind == "step":
            wanted = running + int(self.amount)
        else:
            factor = self.amount / 100 if self.kind == "percent" else self.amount
            wanted = int((running * factor).to_integral_value(rounding=ROUND_HALF_UP))
        if wanted < minimum:
            raise DeliveryError(
                f"scale '{self.text}' of {running} running instances gives {wanted}, below the minimum of {minimum}: "
                f"ask for more instances or lower min_scale"
            )
        if maximum is not None and wanted > maximum:
            raise DeliveryError(
                f"scale '{self.text}' of {running} running instances gives {wanted}, above the maximum of {maximum}: "
                f"ask for fewer instances or raise max_scale"
            )
        return wanted
