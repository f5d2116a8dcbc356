package refund.bench;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.Properties;
import java.util.Set;
import org.apache.kafka.common.serialization.Serde;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.common.utils.Utils;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.kstream.Consumed;
import org.apache.kafka.streams.kstream.GlobalKTable;
import org.apache.kafka.streams.kstream.Materialized;
import org.apache.kafka.streams.kstream.Produced;
import org.apache.kafka.streams.processor.StreamPartitioner;
import org.apache.kafka.streams.state.Stores;

/**
 * The whole decision: requests joined with orders, buyers and shops from their topics.
 *
 * <p>Arguments: BOOTSTRAP PREFIX FOLDER [KEY=VALUE...]. The tables are global: requests are
 * keyed by refund and orders by order, so that joining partitions would first write every
 * request to a topic of its own. They are kept in memory, which is quicker than RocksDB.
 */
public final class FullStreams {
    static final String CATALOG = "catalog";

    private FullStreams() {}

    private static <T> GlobalKTable<String, T> table(
            StreamsBuilder builder, String prefix, String name, Class<T> type) {
        Serde<T> serde = Json.serde(type);
        return builder.globalTable(
                prefix + name,
                Consumed.with(Serdes.String(), serde),
                Materialized.<String, T>as(Stores.inMemoryKeyValueStore(name))
                        .withKeySerde(Serdes.String())
                        .withValueSerde(serde));
    }

    /** Everything of a buyer stands in one partition, as the requests do. */
    private static final StreamPartitioner<String, Decision> BY_BUYER = (topic, key, value, count) ->
            Optional.of(Set.of(Utils.toPositive(Utils.murmur2(value.buyerId().getBytes(UTF_8))) % count));

    static Topology topology(String prefix, Properties settings) {
        StreamsBuilder builder = new StreamsBuilder();
        GlobalKTable<String, Facts.Order> orders = table(builder, prefix, "orders", Facts.Order.class);
        GlobalKTable<String, Facts.Buyer> buyers = table(builder, prefix, "buyers", Facts.Buyer.class);
        GlobalKTable<String, Facts.Shop> shops = table(builder, prefix, "shops", Facts.Shop.class);
        table(builder, prefix, CATALOG, Facts.Entry.class);
        builder.stream(prefix + "requests", Consumed.with(Serdes.String(), Json.serde(Request.class)))
                .leftJoin(orders, (key, request) -> request.orderId(), Case::of)
                .leftJoin(buyers, (key, found) -> found.request().buyerId(), Case::with)
                .leftJoin(shops, (key, found) -> found.request().shopId(), Case::with)
                .processValues(() -> new Judge("/" + prefix + "requests"))
                .to(
                        (key, decision, context) ->
                                prefix + (decision.approves() ? "approvals" : "reviews"),
                        Produced.with(Serdes.String(), Json.serde(Decision.class), BY_BUYER));
        return builder.build(settings);
    }

    public static void main(String[] given) {
        List<String> arguments = Arrays.asList(given);
        String prefix = arguments.get(1);
        Properties settings = Runner.settings(
                arguments.get(0), prefix + "kstreams", arguments.get(2),
                arguments.subList(3, arguments.size()));
        Runner.run(topology(prefix, settings), settings);
    }
}
