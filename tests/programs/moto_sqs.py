"""moto's server of SQS, with the limit of a message and of a call that is given; until stdin ends.

moto accepts 1 MiB, as Amazon does since August 2025 for new queues. Its answer at the limit is
Amazon's.
"""

import logging
import sys

import moto.sqs.models
from moto.server import ThreadedMotoServer

logging.getLogger("werkzeug").setLevel(logging.ERROR)
moto.sqs.models.MAXIMUM_MESSAGE_LENGTH = int(sys.argv[1])
server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
server.start()
print(server.get_host_and_port()[1], flush=True)
sys.stdin.read()
server.stop()
