"""Which Chromium the checks drive. Run as a program: exit status 0 if there is one."""

import os
import shutil
import sys

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")

# No sandbox: inside a container Chromium can not make one. It only visits pages that these checks serve.
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--font-render-hinting=none"]


def installed_chromium():
    """The path of the system's Chromium: that of $CHROMIUM, or the first found on PATH; None if there is none."""
    candidates = [os.environ.get("CHROMIUM")] + [shutil.which(name) for name in NAMES]
    for path in candidates:
        # Ubuntu installs a script of this name that only starts a snap.
        if path and os.access(path, os.X_OK) and not os.path.realpath(path).startswith("/snap"):
            with open(path, "rb") as file:
                if b"snap run" not in file.read(4096):
                    return path
    return None


def launch(playwright):
    """A headless Chromium: the system's, or else the one that Playwright installed for itself."""
    return playwright.chromium.launch(executable_path=installed_chromium(), args=ARGUMENTS)


def is_available():
    if installed_chromium():
        return True
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        return os.path.exists(playwright.chromium.executable_path)


if __name__ == "__main__":
    sys.exit(0 if is_available() else 1)
