"""A Thrift server of Spark of the tests' own, on loopback, with its catalog in memory."""

import os
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PATIENCE = 180  # seconds until it listens
CLASS = "org.apache.spark.sql.hive.thriftserver.HiveThriftServer2"
# As of a session on a small landing (pipeline/build/spark/session.py).
CONF = {
    "spark.sql.catalogImplementation": "in-memory",
    "spark.sql.codegen.wholeStage": "false",
    "spark.sql.codegen.factoryMode": "NO_CODEGEN",
    "spark.sql.shuffle.partitions": "2",
    "spark.ui.enabled": "false",
    "spark.driver.host": "127.0.0.1",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC",
}
PLACE = "from importlib.util import find_spec; print(find_spec('pyspark').submodule_search_locations[0])"


@contextmanager
def thrift_server(python: Path, folder: Path) -> Iterator[str]:
    """Start a server; give its address, as CRM_SPARK_MASTER has it; end it.

    Parameters
    ----------
    python
        One that has pyspark, whose jars the server is made of.
    folder
        For its log and its scratch files.
    """
    home = subprocess.run([python, "-c", PLACE], capture_output=True, text=True, check=True).stdout.strip()
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    conf = {**CONF, "spark.sql.warehouse.dir": str(folder / "catalog"), "spark.local.dir": str(folder / "local")}
    hive = {"bind.host": "127.0.0.1", "port": port}
    words = [
        *(f"{home}/bin/spark-submit", "--master", "local[2]", "--driver-memory", "3g", "--class", CLASS),
        *(word for name, value in conf.items() for word in ("--conf", f"{name}={value}")),
        "spark-internal",
        *(word for name, value in hive.items() for word in ("--hiveconf", f"hive.server2.thrift.{name}={value}")),
    ]
    folder.mkdir(parents=True, exist_ok=True)
    environment = {**os.environ, "SPARK_HOME": home, "PYSPARK_PYTHON": str(python)}
    with (folder / "log").open("w", encoding="utf-8") as log:
        # spark-submit becomes the Java process.
        process = subprocess.Popen(words, cwd=folder, env=environment, stdout=log, stderr=log, umask=0o077)
        try:
            _wait(process, port, folder / "log")
            yield f"thrift://127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait()


def _wait(process: "subprocess.Popen[bytes]", port: int, log: Path) -> None:
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.2)
        else:
            return
    raise AssertionError(f"no Thrift server: {log.read_text(encoding='utf-8')[-3000:]}")
