# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a stack file and a Swarm call our services."""

from __future__ import annotations

from ansible_collections.dockerflow.delivery.plugins.module_utils.stack.naming import stack_key, swarm_service_name


def test_keys_in_a_stack_file() -> None:
    assert stack_key("app", "blue") == "app-blue"
    assert stack_key("db") == "db"


def test_names_of_one_release() -> None:
    assert swarm_service_name("books-ms", "app", "blue") == "books-ms_app-blue"
    assert swarm_service_name("books-ms", "db") == "books-ms_db"
