"""Calls every operation of an echoing server with botocore and compares both sides.

usage: oracle.py ENDPOINT SERVICE:PROTOCOL:[OPERATION+OPERATION…]…

The server keeps what it understood and what it answered, and tells both as JSON at
/_echo/last, with the names of AWS's models. This program, which has these models from
botocore, prints one line of JSON for each disagreement, and a summary at the end.
"""

import base64
import datetime
import http.client
import json
import random
import sys
import urllib.parse

import botocore.session
from botocore.config import Config
from botocore.exceptions import ClientError

ENDPOINT = sys.argv[1]
UTC = datetime.timezone.utc
HARD = ["text %d", "é<&>\"'\\ +=%%%d", "x\n\t%d\r\ny", "漢🙂%d/~", "a&amp;b=%d"]


def client_for(service, protocol):
    session = botocore.session.Session()
    loader = session.get_component("data_loader")
    load = loader.load_service_model

    def with_protocol(name, kind, *args, **kwargs):
        model = load(name, kind, *args, **kwargs)
        if kind == "service-2":
            model["metadata"]["protocols"] = [protocol]
            model["metadata"]["protocol"] = protocol
        return model

    loader.load_service_model = with_protocol
    return session.create_client(
        service,
        region_name="eu-west-1",
        endpoint_url=ENDPOINT,
        aws_access_key_id="AKIATEST",
        aws_secret_access_key="secret",
        config=Config(parameter_validation=False, inject_host_prefix=False, retries={"total_max_attempts": 1}),
    )


class Fill:
    """Makes values of shapes, filled to the last member but for recursion."""

    def __init__(self, rng, plain):
        self.rng, self.plain, self.seen = rng, plain, []

    def value(self, shape):
        return getattr(self, shape.type_name, self.string)(shape)

    def structure(self, shape):
        if getattr(shape, "is_document_type", False):
            return {"a": "b"}
        members = list(shape.members.items())
        if getattr(shape, "is_tagged_union", False):
            members = [self.rng.choice(members)]
        self.seen.append(shape.name)
        out = {k: self.value(s) for k, s in members if self.seen.count(s.name) < 2 and not self.recursive(s)}
        self.seen.pop()
        return out

    def recursive(self, shape):
        inner = getattr(shape, "member", None)
        return inner is not None and self.seen.count(inner.name) >= 2

    def list(self, shape):
        values = [self.value(shape.member), self.value(shape.member)]
        return sorted(values) if self.plain and isinstance(values[0], str) else values

    def map(self, shape):
        return {self.value(shape.key): self.value(shape.value) for _ in range(2)}

    def string(self, shape):
        if getattr(shape, "enum", None):
            return self.rng.choice(shape.enum)
        n = self.rng.randrange(10**6)
        return "text-%d" % n if self.plain else self.rng.choice(HARD) % n

    def integer(self, shape):
        return self.rng.randrange(1, 2**31)

    long = integer

    def float(self, shape):
        return self.rng.randrange(1, 10**6) / 8

    double = float

    def boolean(self, shape):
        return self.rng.random() < 0.5

    def timestamp(self, shape):
        return datetime.datetime.fromtimestamp(1.7e9 + self.rng.randrange(10**6), UTC)

    def blob(self, shape):
        return bytes([0, 255, self.rng.randrange(256)])


def plain(v):
    """A value as JSON has it."""
    if isinstance(v, dict):
        return {k: plain(x) for k, x in v.items()}
    if isinstance(v, list):
        return [plain(x) for x in v]
    if isinstance(v, bytes):
        return base64.b64encode(v).decode()
    if isinstance(v, datetime.datetime):
        return v.timestamp()
    if hasattr(v, "read"):
        return base64.b64encode(v.read()).decode()
    return v


def differ(want, got, path=""):
    """How got lacks what want has. What got has more must be nothing: Go's zero values."""
    if isinstance(want, dict) and isinstance(got, dict):
        for k in want.keys() | got.keys():
            if k not in want:
                if got[k] not in (0, False, "", None) and not isinstance(got[k], (dict, list)):
                    yield f"{path}.{k}: unexpected {got[k]!r}"
            elif k not in got:
                yield f"{path}.{k}: missing"
            else:
                yield from differ(want[k], got[k], f"{path}.{k}")
    elif isinstance(want, list) and isinstance(got, list) and len(want) == len(got):
        for i, (a, b) in enumerate(zip(want, got)):
            yield from differ(a, b, f"{path}[{i}]")
    elif isinstance(want, float) or isinstance(got, float):
        if abs(float(want) - float(got)) > 1e-3 + 1e-9 * abs(float(want)):
            yield f"{path}: {want!r} != {got!r}"
    elif want != got:
        yield f"{path}: {want!r} != {got!r}"


def prune(v, shape, newer, path, seen=()):
    """v without what the model does not know; what v lacks of the model is an error."""
    if shape.type_name == "structure" and isinstance(v, dict) and not getattr(shape, "is_document_type", False):
        for k in v.keys() - shape.members.keys():
            newer.add(f"{shape.name}.{k}")
        whole = shape.name not in seen and not getattr(shape, "is_tagged_union", False)
        if whole:
            for k in shape.members.keys() - v.keys():
                inner = shape.members[k]
                inner = getattr(inner, "member", inner)
                if inner.name not in seen and inner.name != shape.name:
                    yield f"{path}.{k}: the model has it, the answer does not"
        for k in shape.members.keys() & v.keys():
            yield from prune(v[k], shape.members[k], newer, f"{path}.{k}", (*seen, shape.name))
        for k in v.keys() - shape.members.keys():
            del v[k]
    elif shape.type_name == "list" and isinstance(v, list):
        for x in v:
            yield from prune(x, shape.member, newer, f"{path}[]", seen)
    elif shape.type_name == "map" and isinstance(v, dict):
        for x in v.values():
            yield from prune(x, shape.value, newer, f"{path}{{}}", seen)


def echo(path, method="GET"):
    url = urllib.parse.urlsplit(ENDPOINT)
    conn = http.client.HTTPConnection(url.netloc)
    conn.request(method, "/_echo/" + path)
    body = conn.getresponse().read()
    conn.close()
    return json.loads(body or "null")


def check(service, protocol, only, newer):
    client = client_for(service, protocol)
    model = client.meta.service_model
    rng = random.Random(service)
    count = 0
    names = [n for n in model.operation_names if not only or n in only]
    for name in names:
        op = model.operation_model(name)
        if op.has_event_stream_output or op.has_event_stream_input:
            continue
        fill = Fill(rng, protocol == "rest-json")
        params = fill.structure(op.input_shape) if op.input_shape else {}
        problems = []
        try:
            got = client._make_api_call(name, params)
        except ClientError as e:
            got, problems = None, [str(e)]
        if got is not None:
            count += 1
            meta = got.pop("ResponseMetadata")
            if "x-turnout-unknown-member" in meta["HTTPHeaders"]:
                problems.append("not understood: " + meta["HTTPHeaders"]["x-turnout-unknown-member"])
            told = echo("last")
            problems += ["input" + d for d in differ(plain(params), told["in"])]
            if op.output_shape:
                problems += prune(told["out"], op.output_shape, newer, "output")
                problems += ["output" + d for d in differ(told["out"], plain(got))]
        for p in problems:
            print(json.dumps({"problem": f"{service} {protocol} {name}: {p}"}))
    problem = check_error(client, model, names)
    if problem:
        print(json.dumps({"problem": f"{service} {protocol}: {problem}"}))
    return count


def check_error(client, model, names):
    echo("fail", "POST")
    name = next(n for n in names if n.startswith(("List", "Describe", "Get")))
    op = model.operation_model(name)
    try:
        client._make_api_call(name, Fill(random.Random(1), True).structure(op.input_shape))
    except ClientError as e:
        err = e.response["Error"]
        if err["Code"] in ("AccessDenied", "AccessDeniedException") and err["Message"] == "not you <&>":
            return None
        if err["Code"] == "UnauthorizedOperation" and err["Message"].endswith("operation. not you <&>"):
            return None
        return f"error came as {err}"
    return "no error came"


def main():
    newer, counts = set(), {}
    for target in sys.argv[2:]:
        service, protocol, only = target.split(":")
        counts[service + ":" + protocol] = check(service, protocol, only.split("+") if only else None, newer)
    print(json.dumps({"counts": counts, "newer": sorted(newer), "botocore": botocore.__version__}))


main()
