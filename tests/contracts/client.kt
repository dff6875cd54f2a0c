// Uses the generated models as an app does: every case of an enumeration is named, and members have their types.
import org.openapitools.client.models.CallStatus
import org.openapitools.client.models.ErrorCode
import org.openapitools.client.models.Label
import org.openapitools.client.models.Notification
import org.openapitools.client.models.Problem

fun isOver(status: CallStatus): Boolean = when (status) {
    CallStatus.requested, CallStatus.awaiting_approval, CallStatus.awaiting_payment -> false
    CallStatus.dispatching, CallStatus.assigned, CallStatus.started -> false
    CallStatus.completed, CallStatus.cancelled, CallStatus.denied -> true
}

fun toShow(problem: Problem): String? = problem.message.takeUnless { problem.code == ErrorCode.unauthorized }

fun isNew(notification: Notification): Boolean = notification.read != true

fun both(label: Label): String = "${label.ko} / ${label.en}"

fun main() {
    println(isOver(requireNotNull(CallStatus.decode("completed"))))
}
