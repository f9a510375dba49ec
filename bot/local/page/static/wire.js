// The two ways between this page and the workspace: a stream of what a member sees, and requests in their name.

let stream = null;

/** Stream everything on a member's screen; `hood` adds its requests. Replaces the previous stream. */
export function listen({ member, since, hood }, onState, onConnection) {
  stream?.close();
  const query = new URLSearchParams({ as: member ?? "", hood: hood ? "1" : "0" });
  if (since !== null) query.set("since", since);
  const current = new EventSource(`/events?${query}`);
  stream = current;
  current.onopen = () => onConnection(true);
  current.onerror = () => onConnection(false);
  current.onmessage = (event) => {
    // What a closed stream had still under way is of the member before.
    if (current === stream) onState(JSON.parse(event.data));
  };
}

/** Do something as a member. Returns the workspace's answer. */
export async function ask(deed, member, details) {
  const response = await fetch(`/do/${deed}`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ as: member, ...details }),
  });
  if (!response.ok) throw new Error(`the workspace refused to ${deed}: ${response.status}`);
  return response.json();
}
