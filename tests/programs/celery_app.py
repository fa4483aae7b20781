"""A Celery application whose task logs; the queue is a folder."""

import os

import celery

import structlog_mozdef as mozdef

folder = os.environ["QUEUE"]
app = celery.Celery("celery_app", broker="filesystem://")
app.conf.update(
    broker_transport_options={
        "data_folder_in": folder,
        "data_folder_out": folder,
        "control_folder": folder + "/control",
    },
    broker_connection_retry_on_startup=True,
    worker_hijack_root_logger=False,
)
sink = mozdef.Sink(os.environ["MOZDEF_URL"], spool=os.environ.get("SPOOL"), linger=60)
sink.put(b'{"summary": "imported"}')  # the main process has a thread before it forks


@app.task
def work(number):
    sink.put(b'{"summary": "task %d"}' % number)


if __name__ == "__main__":
    for number in range(10):
        work.delay(number)
    sink.close()
