package refund.bench;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.time.Instant;
import org.apache.kafka.common.header.Headers;
import org.apache.kafka.streams.processor.api.FixedKeyProcessor;
import org.apache.kafka.streams.processor.api.FixedKeyProcessorContext;
import org.apache.kafka.streams.processor.api.FixedKeyRecord;
import org.apache.kafka.streams.processor.api.RecordMetadata;
import org.apache.kafka.streams.state.TimestampedKeyValueStore;
import org.apache.kafka.streams.state.ValueAndTimestamp;

/** Decides, and says in the contract's headers what was decided and on which record. */
final class Judge implements FixedKeyProcessor<String, Case, Decision> {
    private static final byte[] VERSION = "1.0".getBytes(UTF_8);
    private static final byte[] JSON = "application/json".getBytes(UTF_8);
    private static final byte[] APPROVED = "refund.auto_approve.v1".getBytes(UTF_8);
    private static final byte[] REVIEWED = "refund.manual_review.v1".getBytes(UTF_8);

    private final byte[] source;
    private FixedKeyProcessorContext<String, Decision> context;
    private Rules rules;

    Judge(String source) {
        this.source = source.getBytes(UTF_8);
    }

    @Override
    public void init(FixedKeyProcessorContext<String, Decision> given) {
        context = given;
        TimestampedKeyValueStore<String, Facts.Entry> catalog =
                given.getStateStore(FullStreams.CATALOG);
        rules = new Rules(id -> {
            ValueAndTimestamp<Facts.Entry> entry = catalog.get(id);
            return entry != null && entry.value().excluded();
        });
    }

    @Override
    public void process(FixedKeyRecord<String, Case> record) {
        long nowMs = context.currentSystemTimeMs();
        Decision decision = rules.decide(record.value(), nowMs);
        Headers headers = record.headers();
        headers.add("ce_specversion", VERSION);
        headers.add("ce_id", decision.decisionId().getBytes(UTF_8));
        headers.add("ce_type", decision.approves() ? APPROVED : REVIEWED);
        headers.add("ce_source", source);
        headers.add("ce_time", Instant.ofEpochMilli(nowMs).toString().getBytes(UTF_8));
        headers.add("content-type", JSON);
        RecordMetadata from = context.recordMetadata().orElseThrow();
        headers.add("source_topic", from.topic().getBytes(UTF_8));
        headers.add("source_partition", Integer.toString(from.partition()).getBytes(UTF_8));
        headers.add("source_offset", Long.toString(from.offset()).getBytes(UTF_8));
        context.forward(record.withValue(decision));
    }
}
