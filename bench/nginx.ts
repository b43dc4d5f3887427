/** Writes a configuration for a plain pass-through proxy into `folder`; resolves to the command that runs it. */
export async function nginxCommand(folder: string, port: number, upstreamPort: number): Promise<readonly string[]> {
  const file = `${folder}/nginx-${port}.conf`;
  await Deno.writeTextFile(file, configuration(folder, port, upstreamPort));
  return ["nginx", "-c", file, "-p", folder, "-e", `${folder}/nginx-error.log`];
}

/** The version of the nginx that is installed; undefined where none is. */
export async function nginxVersion(): Promise<string | undefined> {
  try {
    const { stderr } = await new Deno.Command("nginx", { args: ["-v"] }).output();
    return new TextDecoder().decode(stderr).split("/")[1]?.trim();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

/** One process, since modeld is one; bodies stay in memory; nothing is logged, nothing is buffered. */
function configuration(folder: string, port: number, upstreamPort: number): string {
  return `
daemon off;
master_process off;
pid ${folder}/nginx-${port}.pid;
worker_rlimit_nofile 16384;
events { worker_connections 8192; }
http {
  access_log off;
  client_max_body_size 4m;
  client_body_buffer_size 2m;
  client_body_temp_path ${folder}/nginx-body;
  proxy_temp_path ${folder}/nginx-proxy;
  fastcgi_temp_path ${folder}/nginx-fastcgi;
  uwsgi_temp_path ${folder}/nginx-uwsgi;
  scgi_temp_path ${folder}/nginx-scgi;
  keepalive_requests 1000000;
  server {
    listen 127.0.0.1:${port} backlog=4096;
    location / {
      proxy_pass http://127.0.0.1:${upstreamPort};
      proxy_http_version 1.1;
      proxy_buffering off;
      proxy_read_timeout 1h;
    }
  }
}
`;
}
