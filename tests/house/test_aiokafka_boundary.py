"""aiokafka's insides are touched in one folder only."""

import ast
from collections.abc import Iterator

import pytest

from tests.house.code import Module, modules

FOLDER = "streams.kafka.aiokafka_internals"
PUBLIC = frozenset(
    {
        "aiokafka",
        "aiokafka.abc",
        "aiokafka.admin",
        "aiokafka.admin.config_resource",
        "aiokafka.errors",
        "aiokafka.structs",
    }
)
"""What its manual names."""
CLIENTS = frozenset({"AIOKafkaConsumer", "AIOKafkaProducer", "AIOKafkaAdminClient"})
OWN = frozenset({"self", "cls", "super"})


def inside(package: str) -> Iterator[Module]:
    """Yield the modules that the rule is for."""
    for module in modules(package):
        if not module.name.startswith(FOLDER):
            yield module


def private_imports(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [one.name for one in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [node.module or ""]
        else:
            continue
        yield from (
            f"{node.lineno}: {name}"
            for name in names
            if name.split(".")[0] == "aiokafka" and name not in PUBLIC
        )


def private_attributes(tree: ast.AST) -> Iterator[str]:
    """Yield private attributes of anything but the object or class itself.

    What is private in our own classes is not touched from outside either (SLF001), so
    nothing needs to be known about types.
    """
    for node in ast.walk(tree):
        match node:
            case ast.Attribute(value=owner, attr=name) if _private(name):
                own = owner.func if isinstance(owner, ast.Call) else owner
                if not (isinstance(own, ast.Name) and own.id in OWN):
                    yield f"{node.lineno}: {name}"
            case ast.Call(
                func=ast.Name(id="getattr" | "setattr" | "hasattr" | "delattr"),
                args=[_, ast.Constant(value=str(name)), *_],
            ) if _private(name):
                yield f"{node.lineno}: {name}"


def of(package: str, allowed: dict[str, list[str]]) -> dict[str, list[str]]:
    """Return the exceptions of one package."""
    return {f: names for f, names in allowed.items() if f.startswith(f"{package}/")}


def _private(name: str) -> bool:
    return name.startswith("_") and not name.startswith("__")


def unchecked_clients(tree: ast.AST) -> Iterator[str]:
    """Yield the building of clients in functions that do not ask for ``client_arguments``."""
    for function in ast.walk(tree):
        if not isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        called = {
            node.func.id: node.lineno
            for node in ast.walk(function)
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
        }
        if called.keys() & CLIENTS and "client_arguments" not in called:
            yield f"{function.lineno}: {function.name}"


ALLOWED = {
    # Two secrets compare what they hide.
    "streams/settings/secret.py": ["_value"],
    # The end of a child process (os._exit).
    "testkit/embedded.py": ["_exit"],
    # confluent-kafka spells a public constant with an underscore.
    "bench/receiver.py": ["_PARTITION_EOF"],
    # The one file that reaches into the package with the virtual loop.
    "testkit/simulated/loop.py": ["_callback", "_cancelled", "_run", "_kill"],
    "testkit/simulated/numbered.py": ["_log_traceback"],
}
BROKER = "testkit/simulated/"
"""Speaks the protocol from the other side, in the client's own structs."""


@pytest.mark.parametrize(
    "package", ["streams", "testkit", "bench", "faults", "simulation"]
)
def test_private_attributes_of_others_are_touched_in_one_folder_only(
    package: str,
) -> None:
    found = {
        module.file: [line.partition(": ")[2] for line in lines]
        for module in inside(package)
        if (lines := list(private_attributes(module.tree)))
    }
    assert found == of(package, ALLOWED)


IMPORTS_ALLOWED = {
    # The fake producer reads our batches by aiokafka's own numbers.
    "testkit/fakes/log.py": ["aiokafka.record.util"],
    # The fake consumer answers the request for committed offsets.
    "testkit/fakes/consumer.py": ["aiokafka.protocol.commit"],
    # Judging is measured with the records that the fetch hands out.
    "bench/growth.py": ["aiokafka.record.default_records"],
    # Stays independent of our own reckoning of partitions.
    "faults/judge/money.py": ["aiokafka.partitioner"],
    # Reads what the group's leader assigned, independently of our own code.
    "simulation/oracles/ownership.py": ["aiokafka.protocol.group"],
}


@pytest.mark.parametrize(
    "package", ["streams", "testkit", "bench", "faults", "simulation"]
)
def test_modules_that_the_manual_of_aiokafka_does_not_name_are_imported_in_one_folder(
    package: str,
) -> None:
    found = {
        module.file: [line.partition(": ")[2] for line in lines]
        for module in inside(package)
        if not module.file.startswith(BROKER)
        and (lines := list(private_imports(module.tree)))
    }
    assert found == of(package, IMPORTS_ALLOWED)


def test_every_client_is_built_with_arguments_that_look_at_its_version() -> None:
    found = {
        module.file: lines
        for module in inside("streams")
        if (lines := list(unchecked_clients(module.tree)))
    }
    assert not found


@pytest.mark.parametrize(
    "line",
    [
        "consumer._client.send(1)",
        "self._consumer._coordinator",
        "getattr(client, '_fetcher', None)",
        "(await f())._x",
        "f()._x",
    ],
)
def test_a_reach_into_somebody_elses_object_is_found(line: str) -> None:
    tree = ast.parse(f"async def g():\n    {line}")
    assert list(private_attributes(tree))


@pytest.mark.parametrize(
    "line", ["self._x", "cls._x", "super()._x", "a.__name__", "getattr(a, 'x')"]
)
def test_what_is_ones_own_or_public_is_not_found(line: str) -> None:
    assert not list(private_attributes(ast.parse(line)))


def test_an_import_of_a_private_module_is_found_in_a_function_too() -> None:
    tree = ast.parse("def f():\n    from aiokafka.conn import create_conn")
    assert list(private_imports(tree)) == ["2: aiokafka.conn"]


def test_a_client_that_is_built_without_looking_is_found() -> None:
    tree = ast.parse("def f():\n    return AIOKafkaProducer(acks='all')")
    assert list(unchecked_clients(tree)) == ["1: f"]
