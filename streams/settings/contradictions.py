"""Settings that are each right and cannot hold together."""

from collections.abc import Iterator

from streams.settings.model import Kafka, Kuaishou, Settings, Topics, Worker

Contradiction = tuple[frozenset[str], str]
"""The settings that clash, and one line that says what to do."""


def contradictions(settings: Settings) -> Iterator[Contradiction]:
    """Yield every contradiction."""
    yield from _timing(settings)
    yield from _login(settings.kafka)
    yield from _encryption(settings.kafka)
    yield from _topics(settings.topics)
    yield from _roles(settings.worker)
    yield from _platform(settings.kuaishou)


def _timing(settings: Settings) -> Iterator[Contradiction]:
    kafka, worker = settings.kafka, settings.worker
    if 2 * kafka.heartbeat_interval_ms >= kafka.session_timeout_ms:
        yield _clash(
            "kafka.heartbeat_interval_ms",
            "kafka.session_timeout_ms",
            f"{kafka.heartbeat_interval_ms} must be less than half of "
            f"{kafka.session_timeout_ms}: lower it or raise the time-out",
        )
    if kafka.fetch_max_wait_ms >= kafka.request_timeout_ms:
        yield _clash(
            "kafka.fetch_max_wait_ms",
            "kafka.request_timeout_ms",
            f"{kafka.fetch_max_wait_ms} must be less than {kafka.request_timeout_ms}: "
            "lower it or raise the time-out",
        )
    if worker.commit_interval_ms >= worker.stall_after_ms:
        yield _clash(
            "worker.commit_interval_ms",
            "worker.stall_after_ms",
            f"{worker.commit_interval_ms} must be less than {worker.stall_after_ms}: "
            "lower it or raise the limit",
        )
    if worker.record_max_bytes >= kafka.max_request_bytes:
        yield _clash(
            "worker.record_max_bytes",
            "kafka.max_request_bytes",
            f"{worker.record_max_bytes} must be less than {kafka.max_request_bytes}, "
            "or its dead letter would always be cut: lower it or raise the limit",
        )


def _login(kafka: Kafka) -> Iterator[Contradiction]:
    protocol = kafka.security_protocol
    parts = {
        "sasl_mechanism": kafka.sasl_mechanism,
        "sasl_username": kafka.sasl_username,
        "sasl_password": kafka.sasl_password,
    }
    wants = protocol.startswith("SASL_")
    for key, value in parts.items():
        names = ("kafka.security_protocol", f"kafka.{key}")
        if wants and value is None:
            yield _clash(*names, f"{protocol} needs kafka.{key}: set it")
        elif not wants and value is not None:
            yield _clash(
                *names,
                f"{protocol} does not log in: remove kafka.{key} or choose SASL_SSL",
            )


def _encryption(kafka: Kafka) -> Iterator[Contradiction]:
    parts = {
        "ssl_ca_location": kafka.ssl_ca_location,
        "ssl_certificate_location": kafka.ssl_certificate_location,
        "ssl_key_location": kafka.ssl_key_location,
        "ssl_key_password": kafka.ssl_key_password,
    }
    if not kafka.security_protocol.endswith("SSL"):
        for key, value in parts.items():
            if value is not None:
                yield _clash(
                    "kafka.security_protocol",
                    f"kafka.{key}",
                    f"{kafka.security_protocol} does not encrypt: remove kafka.{key} "
                    "or choose SSL or SASL_SSL",
                )
    elif kafka.ssl_certificate_location is None:
        for key in ("ssl_key_location", "ssl_key_password"):
            if parts[key] is not None:
                yield _clash(
                    "kafka.ssl_certificate_location",
                    f"kafka.{key}",
                    "a key without its certificate: set kafka.ssl_certificate_location "
                    f"or remove kafka.{key}",
                )


def _topics(topics: Topics) -> Iterator[Contradiction]:
    if topics.min_insync_replicas > topics.replication_factor:
        yield _clash(
            "topics.min_insync_replicas",
            "topics.replication_factor",
            f"{topics.min_insync_replicas} in-sync replicas of "
            f"{topics.replication_factor} are impossible: lower the first or raise the second",
        )


def _roles(worker: Worker) -> Iterator[Contradiction]:
    if len(set(worker.roles)) != len(worker.roles):
        yield _clash(
            "worker.roles", "worker.roles", "a role is named twice: name each once"
        )
    if "watch" in worker.roles and "decide" not in worker.roles:
        yield _clash(
            "worker.roles",
            "worker.roles",
            "watch needs the decisions of decide in the same worker: add decide or "
            "remove watch",
        )


def _platform(kuaishou: Kuaishou) -> Iterator[Contradiction]:
    parts = {
        "base_url": kuaishou.base_url,
        "app_key": kuaishou.app_key,
        "app_secret": kuaishou.app_secret,
        "access_token": kuaishou.access_token,
    }
    missing = [key for key, value in parts.items() if value is None]
    if missing and len(missing) < len(parts):
        for key in missing:
            yield _clash(
                f"kuaishou.{key}",
                f"kuaishou.{key}",
                "the platform needs address, key, secret and token: set "
                f"kuaishou.{key} or remove the others",
            )


def _clash(one: str, other: str, text: str) -> Contradiction:
    names = " and ".join(dict.fromkeys((one, other)))
    return frozenset({one, other}), f"{names}: {text}"
