import { FakeLlamaHttpServer } from "../../tests/support/fake_llama_http_server.ts";
import { RealLlamaServer } from "../../tests/support/real_llama_server.ts";
import { testModel } from "./test_model.ts";

/** A llama-server with one model, `tiny`, whoever plays it. */
export interface Llama {
  readonly url: URL;
  stop(): Promise<void>;
}

/** What starts a llama-server with so many slots: a fake, and a real one. */
export const llamas: Readonly<Record<"fake" | "real", (slots: number) => Promise<Llama>>> = {
  async fake(slots) {
    const tokens = Array.from({ length: 1_000 }, (_, i) => ` ${i}`);
    const fake = await FakeLlamaHttpServer.start({ slots, tokens, tokenDelay: 2 });
    return { url: fake.url, stop: () => fake.close() };
  },
  async real(slots) {
    const model = await testModel();
    const context = String(8_192 * slots);
    const args = ["-t", "1", "-m", model.path, "-a", "tiny", "-c", context, "-np", String(slots)];
    const server = await RealLlamaServer.start(args);
    return {
      url: server.url,
      async stop() {
        await server.stop("SIGKILL");
        await model.remove();
      },
    };
  },
};
