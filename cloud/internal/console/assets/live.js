// Views as they change. The server sends one for every change, for as long as it is
// looked at: a hidden page does not listen.

const again = 1000; // ms, after the cloud went away

// follow calls on.view with each new view, on.refused where there is none, and on.state
// with "live", "waiting" or "paused".
export function follow(url, on) {
  let source, timer;
  const stop = () => {
    clearTimeout(timer);
    source?.close();
    source = undefined;
  };
  const start = () => {
    stop();
    source = new EventSource(url);
    source.onopen = () => on.state('live');
    source.addEventListener('view', (e) => on.view(JSON.parse(e.data)));
    source.addEventListener('refused', (e) => on.refused(JSON.parse(e.data)));
    source.onerror = () => {
      on.state('waiting');
      if (source?.readyState === EventSource.CLOSED) timer = setTimeout(start, again);
    };
  };
  document.addEventListener('visibilitychange', () => {
    if (document.hidden) {
      stop();
      on.state('paused');
    } else {
      start();
    }
  });
  addEventListener('pagehide', stop);
  if (!document.hidden) start();
}
