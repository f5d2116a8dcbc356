package refund.bench;

import java.util.List;

/** What the fact topics hold; fields that no rule reads are left out. */
final class Facts {
    private Facts() {}

    record Line(
            String skuId,
            List<String> categoryPath,
            int quantity,
            int shippedCount,
            boolean isCustom,
            boolean isGift) {}

    record Order(
            String orderId,
            long orderVersion,
            String buyerId,
            String shopId,
            String currency,
            int orderType,
            Long orderedAtMs,
            Long paidAtMs,
            String orderStatus,
            Long paidFen,
            Long refundableLeftFen,
            Long totalChangedAtMs,
            List<Line> lines,
            int payType,
            String presaleStage,
            int deliveryBlock,
            int riskCode,
            Long waybillPrintedAtMs,
            Long waybillEnteredAtMs,
            Long pickedUpAtMs,
            Long shippedAtMs,
            long asOfMs) {}

    record Quality(long fromMs, String value) {}

    record Limit(String kind, long fromMs, Long untilMs) {}

    record Buyer(String buyerId, List<Quality> quality, List<Limit> limits, long asOfMs) {
        /** The value in force at a time; null when none was. */
        String qualityAt(long atMs) {
            String found = null;
            for (Quality one : quality) {
                if (one.fromMs() <= atMs) {
                    found = one.value();
                }
            }
            return found;
        }

        boolean limitedAt(long atMs) {
            for (Limit one : limits) {
                if (one.fromMs() <= atMs && (one.untilMs() == null || atMs < one.untilMs())) {
                    return true;
                }
            }
            return false;
        }
    }

    record Shop(String shopId, boolean enabled, String standing, long asOfMs) {}

    record Entry(String id, boolean excluded, String kind, long asOfMs) {}
}
