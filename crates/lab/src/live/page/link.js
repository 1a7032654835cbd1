// The way to the lab and back: frames come as server-sent events, commands go as POSTs.

/**
 * Listens. `frame` gets each frame, `past` the last minute after each connection, `lost` what to tell the reader when
 * there is none. The browser connects again by itself; everything that counts is in the next frame.
 */
export function listen({ frame, past, lost }) {
  let silent;
  const events = new EventSource("/events");
  const expect = () => {
    clearTimeout(silent);
    // Frames come four times a second; a server that starts anew takes a second or two.
    silent = setTimeout(() => lost("Nothing has been heard from the lab for 5 s; it may be starting a server."), 5000);
  };
  events.addEventListener("past", (event) => {
    expect();
    const told = JSON.parse(event.data);
    if (told) past(told);
  });
  events.addEventListener("frame", (event) => {
    expect();
    frame(JSON.parse(event.data));
  });
  events.addEventListener("error", () => {
    clearTimeout(silent);
    if (events.readyState !== EventSource.CLOSED) {
      lost("The connection to the lab is lost. It is tried again once a second; if the lab has ended, start it again: cargo lab live");
      return;
    }
    // A server that has refused is not asked again by the browser itself. It refuses where too many pages watch.
    lost("The lab refuses to be watched by one more page: close another one. It is asked again once a second; if the lab has ended, start it again: cargo lab live");
    setTimeout(() => listen({ frame, past, lost }), 1000);
  });
}

/** Sends a command; returns why it was refused, or nothing. */
export async function command(what) {
  try {
    const answer = await fetch("/do", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(what),
    });
    return answer.ok ? "" : (await answer.text()).trim();
  } catch {
    return "The lab does not answer.";
  }
}

/** The experiments on offer. */
export async function presets() {
  const answer = await fetch("/presets");
  return answer.json();
}
