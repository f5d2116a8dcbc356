import pickle
import ssl
import subprocess
import tomllib
from pathlib import Path

import msgspec
import pytest

from streams.errors import PolicyError, SettingsError
from streams.settings import (
    Kafka,
    Secret,
    Settings,
    connection,
    effective,
    load,
    load_policy,
    secret_texts,
    security,
    settings_file,
    settings_page,
    shipped_policy_text,
)
from streams.settings.fields import fields, sections

ROOT = Path(__file__).parents[1]


def problems_of(
    environ: dict[str, str] | None = None,
    file: dict[str, object] | None = None,
    overrides: dict[str, str] | None = None,
) -> tuple[str, ...]:
    with pytest.raises(SettingsError) as caught:
        load(environ or {}, file, overrides or {})
    return caught.value.problems


def test_without_anything_the_defaults_hold() -> None:
    assert load({}, None, {}) == Settings()
    assert load({"PATH": "/bin", "REFUND_CONFIG": "x"}, {}, {}) == Settings()


def test_each_layer_lies_over_the_one_below() -> None:
    file: dict[str, object] = {
        "web": {"port": 1, "host": "a"},
        "log": {"level": "debug"},
    }
    environ = {"REFUND_WEB__PORT": "2", "REFUND_WEB__HOST": "b"}
    found = load(environ, file, {"web.port": "3"})
    assert (found.web.port, found.web.host, found.log.level) == (3, "b", "debug")


def test_texts_of_the_environment_become_numbers_lists_and_nothing() -> None:
    found = load(
        {
            "REFUND_WORKER__ROLES": "decide, ingest",
            "REFUND_WEB__PORT": "off",
            "REFUND_KAFKA__COMPRESSION_TYPE": "none",
            "REFUND_KAFKA__GROUP_INSTANCE_ID": "",
            "REFUND_KAFKA__SSL_ENDPOINT_IDENTIFICATION_ALGORITHM": "",
        },
        None,
        {},
    )
    assert found.worker.roles == ("decide", "ingest")
    assert found.web.port is None
    assert found.kafka.compression_type is None
    assert found.kafka.group_instance_id is None
    assert found.kafka.ssl_endpoint_identification_algorithm == ""


def test_kafka_may_be_spelled_as_kafka_spells_it() -> None:
    quoted = tomllib.loads('[kafka]\n"client.id" = "a"\n"max.request.size" = 70000')
    bare = tomllib.loads("[kafka]\nclient.id = 'a'\nmax.request.size = 70000")
    for file in (quoted, bare):
        found = load({}, file, {}).kafka
        assert (found.client_id, found.max_request_bytes) == ("a", 70_000)


def test_a_setting_spelled_in_both_ways_is_refused() -> None:
    file: dict[str, object] = {"kafka": {"client.id": "a", "client_id": "b"}}
    assert problems_of(file=file) == (
        "kafka.client_id in the file is given twice; keep one of the two spellings",
    )


def test_unknown_names_are_refused_with_a_guess() -> None:
    assert problems_of(
        {"REFUND_KAFKA__CLIENTID": "x", "REFUND_XYZZY": "1"},
        {"webb": {}, "web": {"prot": 1}},
        {"web.hots": "x"},
    ) == (
        (
            "[webb] in the file is not a section (did you mean web?); remove it or correct "
            "its name"
        ),
        (
            "web.prot in the file is not a setting (did you mean port?); remove it or correct "
            "its name"
        ),
        (
            "REFUND_KAFKA__CLIENTID is not a setting (did you mean REFUND_KAFKA__CLIENT_ID?); "
            "unset it or correct its name"
        ),
        "REFUND_XYZZY is not a setting; unset it or correct its name",
        (
            "web.hots on the command line is not a setting (did you mean web.host?); correct "
            "its name"
        ),
    )


@pytest.mark.parametrize(
    ("name", "value", "wanted"),
    [
        ("WEB__PORT", "-1", "a whole number from 0 to 65535 or off"),
        ("WEB__PORT", "65536", "a whole number from 0 to 65535 or off"),
        ("WEB__PORT", "1.0", "a whole number from 0 to 65535 or off"),
        ("LOG__LEVEL", "loud", "one of debug, error, info, warning"),
        (
            "WORKER__ROLES",
            "decide,swim",
            "a list, each one of decide, ingest, watch",
        ),
        ("WORKER__ROLES", "", "a list, each one of decide, ingest, watch"),
        ("KAFKA__CLIENT_ID", "", "a text"),
        ("TOPICS__PREFIX", "a b", "a text like ^[A-Za-z0-9._-]*$"),
    ],
)
def test_values_of_a_wrong_kind_are_refused(name: str, value: str, wanted: str) -> None:
    assert problems_of({f"REFUND_{name}": value}) == (
        f"REFUND_{name}: {value!r} is refused; give {wanted}",
    )


@pytest.mark.parametrize("port", [0, 65_535])
def test_bounds_are_inside(port: int) -> None:
    assert load({"REFUND_WEB__PORT": str(port)}, None, {}).web.port == port


def test_a_file_has_types_of_its_own() -> None:
    file: dict[str, object] = {"web": {"port": "80", "host": 1}, "log": "loud"}
    assert problems_of(file=file) == (
        "log in the file must be a table: write [log] and its keys below",
        (
            "web.port in the file: '80' is refused; give a whole number from 0 to 65535 or "
            "off"
        ),
        "web.host in the file: 1 is refused; give a text",
    )


@pytest.mark.parametrize(
    ("given", "part"),
    [
        (
            {"kafka.heartbeat_interval_ms": "5000"},
            "5000 must be less than half of 10000",
        ),
        (
            {"kafka.fetch_max_wait_ms": "9000", "kafka.request_timeout_ms": "9000"},
            "9000",
        ),
        ({"worker.commit_interval_ms": "30000"}, "30000 must be less than 30000"),
        (
            {"worker.record_max_bytes": "4194304"},
            "its dead letter would always be cut",
        ),
        ({"topics.min_insync_replicas": "2"}, "2 in-sync replicas of 1 are impossible"),
        ({"worker.roles": "decide,decide"}, "named twice"),
        ({"worker.roles": "watch"}, "add decide or remove watch"),
        ({"worker.roles": "watch,ingest"}, "add decide or remove watch"),
        ({"kafka.sasl_username": "u"}, "PLAINTEXT does not log in"),
        ({"kafka.ssl_ca_location": "ca.pem"}, "PLAINTEXT does not encrypt"),
        (
            {"kafka.security_protocol": "SSL", "kafka.ssl_key_location": "k"},
            "a key without its certificate",
        ),
    ],
)
def test_contradictions_are_refused(given: dict[str, str], part: str) -> None:
    (problem,) = problems_of(overrides=given)
    assert part in problem


@pytest.mark.parametrize(
    "given",
    [
        {"kafka.heartbeat_interval_ms": "4999"},
        {"worker.commit_interval_ms": "29999"},
        {"worker.record_max_bytes": "4194303"},
        {"topics.min_insync_replicas": "2", "topics.replication_factor": "2"},
    ],
)
def test_just_inside_a_contradiction_is_taken(given: dict[str, str]) -> None:
    load({}, None, given)


def test_login_needs_mechanism_user_and_password() -> None:
    problems = problems_of({"REFUND_KAFKA__SECURITY_PROTOCOL": "SASL_SSL"})
    assert [line.rsplit(": ", 1)[0].split(" needs ")[1] for line in problems] == [
        "kafka.sasl_mechanism",
        "kafka.sasl_username",
        "kafka.sasl_password",
    ]


def test_the_platform_needs_all_of_its_settings_or_none() -> None:
    problems = problems_of({"REFUND_KUAISHOU__BASE_URL": "https://example.org"})
    assert len(problems) == 3
    assert all("set kuaishou." in line for line in problems)


def test_a_refused_value_causes_no_further_contradiction() -> None:
    (problem,) = problems_of({"REFUND_TOPICS__REPLICATION_FACTOR": "none"})
    assert "REPLICATION_FACTOR" in problem


# Secrets


def test_a_secret_is_never_printed() -> None:
    secret = Secret("hunter2")
    shown = (
        f"{secret} {secret!r} {secret!s:>20} {[secret]} {Kafka(sasl_password=secret)}"
    )
    assert "hunter2" not in shown
    assert secret.reveal() == "hunter2"
    assert secret == Secret("hunter2") != Secret("other")
    assert len({secret, Secret("hunter2")}) == 1


def sasl(**more: str) -> dict[str, str]:
    return {
        "REFUND_KAFKA__SECURITY_PROTOCOL": "SASL_PLAINTEXT",
        "REFUND_KAFKA__SASL_MECHANISM": "PLAIN",
        "REFUND_KAFKA__SASL_USERNAME": "u",
        **{f"REFUND_KAFKA__{key.upper()}": value for key, value in more.items()},
    }


def test_a_secret_may_lie_in_a_file(tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text("hunter2\n")
    settings = load(sasl(sasl_password_file=str(file)), None, {})
    assert security(settings.kafka) == {
        "security_protocol": "SASL_PLAINTEXT",
        "sasl_mechanism": "PLAIN",
        "sasl_plain_username": "u",
        "sasl_plain_password": "hunter2",
    }
    assert secret_texts(settings) == ("hunter2",)
    assert "hunter2" not in str(effective(settings))


def test_a_higher_layer_replaces_the_secret_of_a_lower_one(tmp_path: Path) -> None:
    file: dict[str, object] = {"kafka": {"sasl_password_file": str(tmp_path / "no")}}
    environ = sasl() | {"REFUND_KAFKA__SASL_PASSWORD": "new"}
    settings = load(environ, file, {})
    assert settings.kafka.sasl_password == Secret("new")


def test_a_secret_given_twice_in_a_layer_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text("x")
    environ = sasl(sasl_password_file=str(file))
    problems = problems_of(environ | {"REFUND_KAFKA__SASL_PASSWORD": "y"})
    assert problems == (
        (
            "REFUND_KAFKA__SASL_PASSWORD_FILE and REFUND_KAFKA__SASL_PASSWORD give the same "
            "secret; keep one"
        ),
    )


@pytest.mark.parametrize(
    ("content", "part"),
    [(None, "No such file"), (b"", "is empty"), (b"\xff", "not UTF-8")],
)
def test_a_secret_file_that_gives_nothing_is_refused(
    tmp_path: Path, content: bytes | None, part: str
) -> None:
    file = tmp_path / "password"
    if content is not None:
        file.write_bytes(content)
    problems = problems_of(sasl(sasl_password_file=str(file)))
    assert part in problems[0]


def test_a_secret_on_the_command_line_is_refused() -> None:
    (problem,) = problems_of(overrides={"kuaishou.app_secret": "hunter2"})
    assert "kuaishou.app_secret_file" in problem
    assert "hunter2" not in problem


def test_a_secret_of_a_wrong_kind_is_not_shown() -> None:
    (problem,) = problems_of(file={"kuaishou": {"app_secret": 123456}})
    assert "123456" not in problem


# TLS


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tls")
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-days", "2"),
            *("-subj", "/CN=test", "-passout", "pass:hunter2"),
            *("-keyout", "key.pem", "-out", "cert.pem"),
        ],
        cwd=folder,
        check=True,
        capture_output=True,
    )
    return folder


def tls(folder: Path, **more: object) -> Kafka:
    kafka = Kafka(
        security_protocol="SSL",
        ssl_ca_location=str(folder / "cert.pem"),
        ssl_certificate_location=str(folder / "cert.pem"),
        ssl_key_location=str(folder / "key.pem"),
        ssl_key_password=Secret("hunter2"),
    )
    return msgspec.structs.replace(kafka, **more)


def test_tls_checks_the_name_of_the_broker(certificate: Path) -> None:
    arguments = connection(tls(certificate))
    context = arguments["ssl_context"]
    assert isinstance(context, ssl.SSLContext)
    assert context.check_hostname
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert arguments["bootstrap_servers"] == "127.0.0.1:9092"


def test_the_name_check_can_be_switched_off_but_not_the_authority(
    certificate: Path,
) -> None:
    kafka = tls(certificate, ssl_endpoint_identification_algorithm="")
    context = security(kafka)["ssl_context"]
    assert not context.check_hostname
    assert context.verify_mode is ssl.CERT_REQUIRED


@pytest.mark.parametrize(
    ("more", "part"),
    [
        ({"ssl_key_password": Secret("wrong")}, "ssl_key_password"),
        ({"ssl_key_password": None}, "ssl_key_password"),
        ({"ssl_ca_location": "/nope"}, "there is no file /nope"),
        ({"ssl_ca_location": __file__}, "is not a PEM file of certificates"),
    ],
)
def test_pem_files_that_cannot_be_used_are_told(
    certificate: Path, more: dict[str, object], part: str
) -> None:
    with pytest.raises(SettingsError) as caught:
        security(tls(certificate, **more))
    (problem,) = caught.value.problems
    assert part in problem


# Pages


def test_every_setting_says_what_it_means() -> None:
    assert [one.name for one in fields().values() if not one.text] == []
    assert {one.section for one in fields().values()} == set(sections())


def test_the_page_of_settings_is_up_to_date() -> None:
    page = (ROOT / "docs/settings.md").read_text("utf-8")
    assert page == settings_page(), "run: refund settings --markdown > docs/settings.md"
    assert all(f"| `{name}` |" in page for name in fields())


def test_the_file_to_start_from_is_up_to_date_and_changes_nothing() -> None:
    text = (ROOT / "config/worker.toml").read_text("utf-8")
    assert text == settings_file(), "run: refund settings --toml > config/worker.toml"
    assert load({}, tomllib.loads(text), {}) == Settings()


def test_every_default_of_the_file_can_be_uncommented() -> None:
    lines = [
        line.removeprefix("# ") if " = " in line and " = ... " not in line else line
        for line in settings_file().splitlines()
    ]
    assert load({}, tomllib.loads("\n".join(lines)), {}) == Settings()


def test_the_shipped_policy_is_in_order() -> None:
    assert "paid_limit_fen" in shipped_policy_text()
    assert load_policy(None).name == "FR@1"


@pytest.mark.parametrize(
    ("content", "part"),
    [
        (None, "No such file"),
        (b"\xff", "not UTF-8"),
        (b"a = ", "not TOML"),
        (b"family = 'FR'", "version: required"),
    ],
)
def test_a_policy_file_that_cannot_be_used_is_named(
    tmp_path: Path, content: bytes | None, part: str
) -> None:
    file = tmp_path / "policy.toml"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(PolicyError) as caught:
        load_policy(str(file))
    assert all(line.startswith(f"{file}: ") for line in caught.value.problems)
    assert part in caught.value.problems[0]


def test_a_secret_is_written_to_no_file() -> None:
    with pytest.raises(TypeError, match="not written"):
        pickle.dumps(Secret("hunter2"))
