# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Put pip into the empty virtual environments of ansible-test's sanity tests, from the package index pip is set to.

Stands in for the get-pip.py that ansible-test would download. ensurepip runs in a process of its own, because
ensurepip.bootstrap() points this process' pip away from the machine's pip.conf, and with it from its certificates.
"""

from __future__ import annotations

import subprocess
import sys

PYTHON = [sys.executable, "-m"]
PACKAGES = [argument for argument in sys.argv[1:] if argument not in ("--no-setuptools", "--no-wheel")]

subprocess.run([*PYTHON, "ensurepip", "--default-pip"], check=True, timeout=300)
subprocess.run([*PYTHON, "pip", "install", *PACKAGES], check=True, timeout=600)
