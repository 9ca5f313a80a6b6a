# SPDX-License-Identifier: Apache-2.0

"""A real model server, llama.cpp's, with a model of random weights.  Run by
model.t:

    python model_server.py FILE PORT PORT_OF_EMBEDDINGS

Writes the model to FILE, a few hundred KB: any text has tokens, what the
model says is made of words that mean nothing, and is the same each time.
Then it serves, until it is killed.
"""

import signal
import sys

import gguf
import numpy
import xllamacpp

WIDTH, LAYERS, HEADS, INNER = 64, 2, 4, 128
CONTEXT, SLOTS = 16384, 64

# What the tests' long prompts are made of: one token, so that 2 MB fit.
UNIT = "CANARY-7f3a " * 64

TEMPLATE = ("{% for m in messages %}{{ m.role }}: {{ m.content }}\n"
            "{% endfor %}assistant:")


def vocabulary(random):
    kind = gguf.TokenType
    known = [("<unk>", kind.UNKNOWN), ("<s>", kind.CONTROL),
             ("</s>", kind.CONTROL), (UNIT, kind.USER_DEFINED)]
    known += [("<0x%02X>" % i, kind.BYTE) for i in range(256)]
    silent = len(known)

    parts = [a + b for a in "bdfgklmnprstvz" for b in "aeiou"]
    words = ["\u2581" + "".join(random.choice(parts, 2)) for _ in range(256)]
    return known + [(w, kind.NORMAL) for w in dict.fromkeys(words)], silent


def write_head(out, known):
    out.add_context_length(CONTEXT)
    out.add_embedding_length(WIDTH)
    out.add_block_count(LAYERS)
    out.add_feed_forward_length(INNER)
    out.add_head_count(HEADS)
    out.add_head_count_kv(HEADS)
    out.add_rope_dimension_count(WIDTH // HEADS)
    out.add_layer_norm_rms_eps(1e-5)

    out.add_tokenizer_model("llama")
    out.add_vocab_size(len(known))
    out.add_token_list([text for text, _ in known])
    out.add_token_scores([-float(i) for i in range(len(known))])
    out.add_token_types([kind for _, kind in known])
    out.add_unk_token_id(0)
    out.add_bos_token_id(1)
    out.add_eos_token_id(2)
    out.add_chat_template(TEMPLATE)


def write_weights(out, random, size, silent):
    def plain(name, *shape):
        weights = random.standard_normal(shape) * shape[-1] ** -0.5
        out.add_tensor(name + ".weight", weights.astype(numpy.float32))

    def ones(name):
        out.add_tensor(name + ".weight", numpy.ones(WIDTH, numpy.float32))

    voice = random.standard_normal((size, WIDTH)).astype(numpy.float32)
    voice[:silent] *= 0.01              # it speaks words, not bytes
    plain("token_embd", size, WIDTH)
    out.add_tensor("output.weight", voice)
    ones("output_norm")

    for i in range(LAYERS):
        for name in ("attn_q", "attn_k", "attn_v", "attn_output"):
            plain("blk.%d.%s" % (i, name), WIDTH, WIDTH)
        plain("blk.%d.ffn_gate" % i, INNER, WIDTH)
        plain("blk.%d.ffn_up" % i, INNER, WIDTH)
        plain("blk.%d.ffn_down" % i, WIDTH, INNER)
        ones("blk.%d.attn_norm" % i)
        ones("blk.%d.ffn_norm" % i)


def write_model(path):
    random = numpy.random.default_rng(7)
    known, silent = vocabulary(random)
    out = gguf.GGUFWriter(path, "llama")

    write_head(out, known)
    write_weights(out, random, len(known), silent)
    out.write_header_to_file()
    out.write_kv_data_to_file()
    out.write_tensors_to_file()
    out.close()


def server(path, port, embeddings=False):
    params = xllamacpp.CommonParams()
    params.model.path = path
    params.model_alias = {"random"}
    params.hostnames = ["127.0.0.1"]
    params.port = port
    params.n_ctx = CONTEXT
    params.n_predict = 32               # of those who don't say
    params.kv_unified = True
    params.n_parallel = 1 if embeddings else SLOTS
    params.cpuparams.n_threads = 1      # two wait for each other, busily
    params.cpuparams_batch.n_threads = 1
    params.cache_type_k = params.cache_type_v = xllamacpp.ggml_type.\
        GGML_TYPE_F32
    params.sampling.temp = 0
    params.endpoint_slots = True
    params.endpoint_metrics = True

    if embeddings:
        params.embedding = True
        params.pooling_type = xllamacpp.llama_pooling_type.\
            LLAMA_POOLING_TYPE_MEAN

    return xllamacpp.Server(params)


def main(path, *ports):
    write_model(path)
    servers = [server(path, int(port), i == 1)
               for i, port in enumerate(ports)]
    print("serving at", *[s.listening_address for s in servers], flush=True)
    signal.pause()


main(*sys.argv[1:])
