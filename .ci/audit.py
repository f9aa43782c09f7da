"""Says what pip-audit found; ends with 1 when a package has a known weakness, 0 otherwise."""

from __future__ import annotations

import json
import sys
from pathlib import Path


def main(found: Path) -> int:
    """Raises nothing: an audit that could not be made is told with its reason."""
    if not found.exists():
        sys.stdout.write("Dependency audit: not made, the auditing tool or its service is away.\n")
        return 0
    packages = json.loads(found.read_text())["dependencies"]
    weak = [(p, v) for p in packages for v in p.get("vulns", ())]
    skipped = [p for p in packages if "skip_reason" in p]
    told = f"{len(packages) - len(skipped)} packages looked up, {len(weak)} known weaknesses"
    sys.stdout.write(f"Dependency audit: {told}, {len(skipped)} not looked up.\n")
    if skipped:
        sys.stdout.write(f"  the first of those: {skipped[0]['skip_reason']}\n")
    for package, one in weak:
        fixed = ", ".join(one["fix_versions"]) or "no version"
        name = f"{package['name']} {package['version']}"
        sys.stdout.write(f"  {name}: {one['id']}, mended in {fixed}\n")
    return 1 if weak else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
