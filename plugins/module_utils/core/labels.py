# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: nothing outside of it may import this file, which changes without notice.
"""The labels by which a release knows its services and containers again."""

from __future__ import annotations

# Service labels. The first four say what a service is, the others which run deployed what.
PROJECT_LABEL = "dockerflow.project"
TARGET_LABEL = "dockerflow.target"
SERVICE_LABEL = "dockerflow.service"
COLOR_LABEL = "dockerflow.color"
RUN_LABEL = "dockerflow.run"
SPEC_LABEL = "dockerflow.spec"
IMAGE_LABEL = "dockerflow.image"

# Labels of the containers themselves: the name under which a colour is registered, and its container port behind it.
REGISTERED_LABEL = "dockerflow.registered"
PORT_LABEL = "dockerflow.port"

# Docker's own: the stack that a service, network, config, secret or volume belongs to.
STACK_LABEL = "com.docker.stack.namespace"
