"""An S3-compatible store (moto) on a free port of 127.0.0.1 with one empty bucket, until its standard input ends.

Prints the address when it can be used. Nothing it keeps outlives it.
"""

import sys

import boto3
from botocore.config import Config
from moto.server import ThreadedMotoServer

server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
server.start()
host, port = server.get_host_and_port()
address = f"http://{host}:{port}"
plain = Config(proxies={}, s3={"addressing_style": "path"})
s3 = boto3.client("s3", endpoint_url=address, region_name="us-east-1", config=plain,
                  aws_access_key_id="tester", aws_secret_access_key="of-no-use-elsewhere")
s3.create_bucket(Bucket="documents")
print(address, flush=True)
sys.stdin.read()
server.stop()
