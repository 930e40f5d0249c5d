"""An S3 server on this machine (moto's), for tests of object storage; what others do there, boto3 does."""

import gc
import logging
from typing import Any, Self
from urllib.request import Request, urlopen

import boto3
from moto.server import ThreadedMotoServer

BUCKET = "themaads-test"
# What a worker's driver is given; moto takes any.
CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "AKIATHEMAADSTEST",
    "AWS_SECRET_ACCESS_KEY": "no-secret",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_EC2_METADATA_DISABLED": "true",
}


class RunningS3:
    """Use it in a `with` block. It has one bucket, empty."""

    def __init__(self, port: int = 0) -> None:
        logging.getLogger("werkzeug").setLevel(logging.WARNING)  # a line a request
        self._server = ThreadedMotoServer(ip_address="127.0.0.1", port=port, verbose=False)

    def __enter__(self) -> Self:
        """Listen, and forget what an earlier server of this process had.

        Garbage is collected before, and not meanwhile: what tests leave of Dagster holds SQLite connections,
        which break the request in whose thread they happen to be collected.
        """
        gc.collect()
        gc.disable()
        self._server.start()
        host, self.port = self._server.get_host_and_port()
        self.endpoint = f"http://{host}:{self.port}"
        self._moto("reset-auth", b"inf")
        self._moto("reset")
        self._client: Any = boto3.client(
            "s3",
            endpoint_url=self.endpoint,
            aws_access_key_id="somebody",
            aws_secret_access_key="else",
            region_name="us-east-1",
        )
        self._client.create_bucket(Bucket=BUCKET)
        return self

    def __exit__(self, *_: object) -> None:
        """Refuse connections from now on."""
        self._server.stop()
        gc.enable()

    def environment(self) -> dict[str, str]:
        """What finds it."""
        return {**CREDENTIALS, "AWS_ENDPOINT_URL": self.endpoint}

    def put(self, key: str, content: str | bytes) -> None:
        """Write an object, as somebody who drops a file."""
        body = content if isinstance(content, bytes) else content.encode()
        self._client.put_object(Bucket=BUCKET, Key=key, Body=body)

    def get(self, key: str) -> bytes:
        """An object's content."""
        return bytes(self._client.get_object(Bucket=BUCKET, Key=key)["Body"].read())

    def delete(self, key: str) -> None:
        """Take an object away."""
        self._client.delete_object(Bucket=BUCKET, Key=key)

    def objects(self) -> list[str]:
        """The keys of all objects."""
        found = self._client.list_objects_v2(Bucket=BUCKET)
        return sorted(each["Key"] for each in found.get("Contents", ()))

    def check_rights(self) -> None:
        """From now on only those may do anything who were given the right to: nobody."""
        self._moto("reset-auth", b"0")

    def _moto(self, what: str, body: bytes = b"") -> None:
        kind = {"Content-Type": "application/octet-stream"}  # a form has no content
        request = Request(f"{self.endpoint}/moto-api/{what}", data=body, method="POST", headers=kind)
        urlopen(request, timeout=30).close()
