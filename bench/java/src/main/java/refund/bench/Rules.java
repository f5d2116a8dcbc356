package refund.bench;

import java.util.ArrayList;
import java.util.List;
import java.util.function.Predicate;

/** About the checks of the fast refund; every one that fails adds a reason. */
final class Rules {
    private static final long LIMIT_FEN = 30_000;
    private static final long PAYMENT_AGE_MAX_MS = 180L * 24 * 3_600_000;

    /** Whether the catalogue excludes an id such as {@code category:virtual}. */
    private final Predicate<String> excluded;

    Rules(Predicate<String> excluded) {
        this.excluded = excluded;
    }

    Decision decide(Case found, long nowMs) {
        Request request = found.request();
        List<String> reasons = new ArrayList<>(2);
        ofRequest(request, nowMs, reasons);
        ofOrder(request, found.order(), nowMs, reasons);
        ofBuyer(request, found.buyer(), nowMs, reasons);
        ofShop(found.shop(), reasons);
        boolean approve = reasons.isEmpty();
        if (approve) {
            reasons.add("FR_ALL_CONDITIONS_MET");
        }
        return new Decision(
                "FR:" + request.refundId() + ":" + request.refundVersion(),
                "FR",
                request.refundId(),
                request.refundVersion(),
                request.orderId(),
                request.buyerId(),
                request.shopId(),
                "decided",
                approve ? Decision.APPROVE : Decision.REVIEW,
                reasons,
                "FR@1",
                request.refundFen(),
                approve ? "pay:" + request.refundId() : null,
                request.requestedAtMs(),
                nowMs,
                approve ? null : request.expireAtMs(),
                seen(found, nowMs));
    }

    private static void ofRequest(Request request, long nowMs, List<String> reasons) {
        if (!"open".equals(request.action()) && !"edit".equals(request.action())) {
            reasons.add("REQUEST_ACTION_UNKNOWN");
        }
        if (!"refund_only".equals(request.refundKind()) || request.specialRefundType() != 0) {
            reasons.add("REFUND_KIND_NOT_FAST");
        }
        if (request.refundFen() <= 0) {
            reasons.add("REFUND_AMOUNT_INVALID");
        }
        if (request.expireAtMs() == null || request.expireAtMs() <= nowMs) {
            reasons.add("REQUEST_EXPIRED");
        }
    }

    private void ofOrder(Request request, Facts.Order order, long nowMs, List<String> reasons) {
        if (order == null) {
            reasons.add("ORDER_UNKNOWN");
            return;
        }
        if (!request.buyerId().equals(order.buyerId())) {
            reasons.add("BUYER_MISMATCH");
        }
        if (!request.shopId().equals(order.shopId())) {
            reasons.add("SHOP_MISMATCH");
        }
        if (!"CNY".equals(order.currency())) {
            reasons.add("CURRENCY_UNSUPPORTED");
        }
        if (!"paid".equals(order.orderStatus()) || order.paidAtMs() == null) {
            reasons.add("ORDER_NOT_PAID");
        } else if (nowMs - order.paidAtMs() > PAYMENT_AGE_MAX_MS) {
            reasons.add("PAYMENT_TOO_OLD");
        }
        if (order.paidFen() == null || order.paidFen() <= 0) {
            reasons.add("PAID_AMOUNT_INVALID");
        } else if (order.paidFen() >= LIMIT_FEN) {
            reasons.add("PAID_AT_OR_OVER_LIMIT");
        }
        if (order.refundableLeftFen() == null || request.refundFen() > order.refundableLeftFen()) {
            reasons.add("REFUND_OVER_REFUNDABLE");
        }
        if (order.waybillPrintedAtMs() != null
                || order.waybillEnteredAtMs() != null
                || order.pickedUpAtMs() != null
                || order.shippedAtMs() != null) {
            reasons.add("SHIPMENT_BEGUN");
        }
        if (order.orderType() != 0 || order.deliveryBlock() != 0 || order.riskCode() != 0) {
            reasons.add("ORDER_VETOED");
        }
        if (!"none".equals(order.presaleStage())) {
            reasons.add("PRESALE");
        }
        ofLines(order.lines(), reasons);
    }

    private void ofLines(List<Facts.Line> lines, List<String> reasons) {
        if (lines == null || lines.isEmpty()) {
            reasons.add("LINES_UNKNOWN");
            return;
        }
        for (Facts.Line line : lines) {
            if (line.shippedCount() != 0) {
                reasons.add("LINE_SHIPPED");
            }
            if (line.isCustom()) {
                reasons.add("CUSTOM_MADE");
            }
            if (line.categoryPath() == null) {
                reasons.add("CATEGORY_UNKNOWN");
            } else {
                for (String category : line.categoryPath()) {
                    if (excluded.test("category:" + category)) {
                        reasons.add("CATEGORY_EXCLUDED");
                    }
                }
            }
            if (excluded.test("sku:" + line.skuId())) {
                reasons.add("SKU_EXCLUDED");
            }
        }
    }

    private static void ofBuyer(
            Request request, Facts.Buyer buyer, long nowMs, List<String> reasons) {
        if (buyer == null) {
            reasons.add("BUYER_UNKNOWN");
            return;
        }
        if (!"quality".equals(buyer.qualityAt(request.requestedAtMs()))
                || !"quality".equals(buyer.qualityAt(nowMs))) {
            reasons.add("BUYER_NOT_QUALITY");
        }
        if (buyer.limitedAt(nowMs)) {
            reasons.add("BUYER_LIMITED");
        }
    }

    private static void ofShop(Facts.Shop shop, List<String> reasons) {
        if (shop == null) {
            reasons.add("SHOP_UNKNOWN");
        } else if (!shop.enabled() || !"good".equals(shop.standing())) {
            reasons.add("SHOP_NOT_IN_GOOD_STANDING");
        }
    }

    private static Decision.Seen seen(Case found, long nowMs) {
        Facts.Order order = found.order();
        Facts.Buyer buyer = found.buyer();
        return new Decision.Seen(
                order == null ? null : order.orderVersion(),
                order == null ? null : order.orderStatus(),
                order == null ? null : order.paidFen(),
                order == null ? null : order.refundableLeftFen(),
                order == null ? null : order.asOfMs(),
                buyer == null ? null : buyer.qualityAt(found.request().requestedAtMs()),
                buyer == null ? null : buyer.qualityAt(nowMs),
                buyer == null ? null : buyer.asOfMs(),
                found.shop() == null ? null : found.shop().standing(),
                order == null || order.lines() == null
                        ? List.of()
                        : order.lines().stream().map(Facts.Line::shippedCount).toList());
    }
}
