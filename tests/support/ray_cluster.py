"""Builds on a Ray cluster of two nodes, in a network of its own, as tests/items/test_ray.py starts them:

    unshare --net python tests/support/ray_cluster.py SCENARIO RUN BUILD_ARGUMENT...

Prints one JSON object: how the build ended, what it printed, and what was seen on the way.
"""

from __future__ import annotations

import fcntl
import json
import os
import signal
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

SIOCSIFFLAGS, IFF_UP = 0x8914, 0x1


def loopback_up() -> None:
    """Bring up `lo`, which a new namespace has, but down."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, SIOCSIFFLAGS, struct.pack("16sh22x", b"lo", IFF_UP))


def wait_for(what: Callable[[], bool], build: subprocess.Popen[str], seconds: float = 120) -> None:
    end = time.monotonic() + seconds
    while not what():
        if build.poll() is not None:
            sys.exit(f"the build ended before: {build.communicate()}")
        if time.monotonic() > end:
            sys.exit("it did not happen in time")
        time.sleep(0.01)


def start(*arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "curator", "build", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def parts(run: Path) -> int:
    return len(list(run.glob("items/part-*.parquet")))


def on_two_nodes(run: Path, arguments: list[str], *, kill: bool) -> dict[str, object]:
    """Build on a cluster of two nodes with a core each, which asks for a token; kill one of them while it maps."""
    os.environ.update(RAY_AUTH_MODE="token", RAY_AUTH_TOKEN="f" * 64)
    import ray
    from ray._private.state import available_resources_per_node
    from ray.cluster_utils import Cluster

    node = {"num_cpus": 1, "object_store_memory": 100 * 2**20}
    cluster = Cluster(initialize_head=True, head_node_args=node | {"include_dashboard": False})
    other = cluster.add_node(**node)
    cluster.wait_for_nodes()
    ray.init(cluster.address, logging_level="ERROR", log_to_driver=False)
    at_work: set[str] = set()
    seen = 0

    def both_work() -> bool:
        busy = {name for name, free in available_resources_per_node().items() if not free.get("CPU")}
        at_work.update(busy)
        return len(at_work) == 2 and (not kill or (other.node_id in busy and parts(run) > 0))

    build = start(*arguments, "--address", cluster.address)
    wait_for(both_work, build)
    if kill:
        cluster.remove_node(other, allow_graceful=False)
        seen = parts(run)
    stdout, stderr = build.communicate()
    return {"code": build.returncode, "stdout": stdout, "stderr": stderr, "parts": seen, "nodes": len(at_work)}


def alone(run: Path, arguments: list[str], *, interrupt: bool) -> dict[str, object]:
    """Build on the Ray that the build starts; send Ctrl-C to all its processes, as a terminal does."""
    build = start(*arguments)
    seen = 0
    if interrupt:
        wait_for(lambda: parts(run) > 0, build)
        os.killpg(build.pid, signal.SIGINT)
        seen = parts(run)
    stdout, stderr = build.communicate()
    return {"code": build.returncode, "stdout": stdout, "stderr": stderr, "parts": seen}


SCENARIOS: dict[str, Callable[[Path, list[str]], dict[str, object]]] = {
    "two nodes": lambda run, arguments: on_two_nodes(run, arguments, kill=False),
    "one of two killed": lambda run, arguments: on_two_nodes(run, arguments, kill=True),
    "alone": lambda run, arguments: alone(run, arguments, interrupt=False),
    "interrupted": lambda run, arguments: alone(run, arguments, interrupt=True),
}

if __name__ == "__main__":
    loopback_up()
    print(json.dumps(SCENARIOS[sys.argv[1]](Path(sys.argv[2]), sys.argv[3:])))  # noqa: T201
