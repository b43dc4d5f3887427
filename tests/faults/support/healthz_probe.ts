// Asks for /healthz of the daemon whose address is the argument, again and again, and writes how many ms each answer took.
// A process of its own: in that of a test, which plays clients and llama-server, it would measure the test.

const url = new URL("/healthz", Deno.args[0]);
for (;;) {
  const start = performance.now();
  const response = await fetch(url);
  await response.body?.cancel();
  console.log(`${response.status} ${(performance.now() - start).toFixed(1)}`);
  await new Promise((resolve) => setTimeout(resolve, 20));
}
