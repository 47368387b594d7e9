# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The machine after the roles and two releases of the same version, looked at over SSH."""

from __future__ import annotations

from testinfra.host import Host


def test_systemd_has_no_failed_unit(host: Host) -> None:
    assert host.check_output("systemctl is-system-running") == "running"
