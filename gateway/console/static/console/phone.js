// Keeps the phone up to date while somebody looks at it. The page works without this.
(function () {
  "use strict";
  var live = document.getElementById("live");
  if (!live) return;
  var tag = "";

  function toEnd() {
    var thread = live.querySelector(".thread");
    if (thread) thread.scrollTop = thread.scrollHeight;
  }

  function show(html) {
    var fresh = new DOMParser().parseFromString(html, "text/html");
    ["screen", "verdict"].forEach(function (id) {
      var old = document.getElementById(id);
      var next = fresh.getElementById(id);
      if (old && next) old.replaceWith(next);
    });
    toEnd();
  }

  function look() {
    if (document.hidden) return;
    fetch(live.dataset.source, { headers: tag ? { "If-None-Match": tag } : {}, cache: "no-store" })
      .then(function (response) {
        if (response.status !== 200) return null;
        var first = tag === "";
        tag = response.headers.get("ETag") || "";
        return response.text().then(function (html) { if (!first || html) show(html); });
      })
      .catch(function () { /* the next look may succeed */ });
  }

  toEnd();
  setInterval(look, 1000);
})();
