"""Serves a model with llama.cpp's own server on a free loopback port, until its input ends.

    python serve.py FILE [KEY]

With a key, it lets in only who shows it. Prints the address, one line, once it answers.
"""

import sys

import xllamacpp


def main(path, *keys):
    params = xllamacpp.CommonParams()
    params.model.path = path
    params.hostnames = ["127.0.0.1"]
    # The system picks one that is free.
    params.port = 0
    params.n_ctx = 8192
    params.n_parallel = 1
    params.cpuparams.n_threads = 1
    params.warmup = False
    params.ui = False
    params.use_jinja = True
    params.api_keys = list(keys)
    server = xllamacpp.Server(params)
    print(server.listening_address, flush=True)
    sys.stdin.read()
    del server


if __name__ == "__main__":
    main(*sys.argv[1:])
