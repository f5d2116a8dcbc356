package refund.bench;

import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.kstream.Consumed;
import org.apache.kafka.streams.kstream.Produced;

/**
 * The small decision: amount, quality and unshipped from two maps in memory.
 *
 * <p>Arguments: BOOTSTRAP INPUT OUTPUT ORDERS BUYERS FOLDER [KEY=VALUE...].
 */
public final class SmallStreams {
    private static final long LIMIT_FEN = 30_000;

    record Decision(String refundId, String outcome) {}

    private final Map<String, String> quality = new HashMap<>();
    private final Map<String, Boolean> shipped = new HashMap<>();

    private SmallStreams(int orders, int buyers) {
        for (int number = 0; number < buyers; number++) {
            quality.put(String.format("b-2100%08d", number), "quality");
        }
        for (int number = 0; number < orders; number++) {
            shipped.put(String.format("26078%09d", number), false);
        }
    }

    private Decision decide(Request request) {
        boolean approve = request.refundFen() < LIMIT_FEN
                && "quality".equals(quality.get(request.buyerId()))
                && Boolean.FALSE.equals(shipped.get(request.orderId()));
        return new Decision(request.refundId(), approve ? "auto_approve" : "manual_review");
    }

    public static void main(String[] given) {
        List<String> arguments = Arrays.asList(given);
        String input = arguments.get(1);
        SmallStreams world = new SmallStreams(
                Integer.parseInt(arguments.get(3)), Integer.parseInt(arguments.get(4)));
        Properties settings = Runner.settings(
                arguments.get(0), input + "-kstreams", arguments.get(5),
                arguments.subList(6, arguments.size()));
        StreamsBuilder builder = new StreamsBuilder();
        builder.stream(input, Consumed.with(Serdes.ByteArray(), Json.serde(Request.class)))
                .mapValues(world::decide)
                .to(arguments.get(2), Produced.with(Serdes.ByteArray(), Json.serde(Decision.class)));
        Runner.run(builder.build(settings), settings);
    }
}
