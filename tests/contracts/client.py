"""Uses the client that openapi-python-client generates: checked by mypy, and run against a server.

Each line marked as an error must be one: mypy reports marks that are not needed.
"""

import sys

from callout_client import AuthenticatedClient
from callout_client.api.customer import get_services, post_calls
from callout_client.api.me import get_me, get_me_calls
from callout_client.models import (
    Call,
    CallStatus,
    ErrorCode,
    Faults,
    LatLng,
    Me,
    NewCall,
    PageCall,
    PageService,
    Place,
    Problem,
    Registration,
    Role,
)


def misspelt(call: Call, problem: Problem) -> list[bool]:
    return [
        call.status == CallStatus.COMPLETE,  # type: ignore[attr-defined]
        problem.code == ErrorCode.DECLINED,  # type: ignore[attr-defined]
    ]


def main(url: str, token: str) -> None:
    Faults()
    Registration(service="taxi", name="Kim", position=LatLng(lat=37.5, lng=127.0))
    client = AuthenticatedClient(base_url=url, token=token)
    me = get_me.sync(client=client)
    assert isinstance(me, Me) and me.role == Role.CUSTOMER, me
    services = get_services.sync(client=client)
    assert isinstance(services, PageService) and len(services.items) == 5, services
    pickup = Place(lat=37.4979, lng=127.0276)
    order = NewCall(service="driver-call", pickup=pickup, dropoff=Place(lat=37.5547, lng=126.9707))
    call = post_calls.sync(client=client, body=order, idempotency_key="contract")
    assert isinstance(call, Call) and call.status == CallStatus.REQUESTED, call
    mine = get_me_calls.sync(client=client, status=[CallStatus.REQUESTED], active=True)
    assert isinstance(mine, PageCall), mine
    refused = post_calls.sync(client=client, body=NewCall(service="no-such-service", pickup=pickup))
    assert isinstance(refused, Problem) and refused.code == ErrorCode.INVALID_REQUEST, refused
    print("the generated Python client reads what the server answers")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
