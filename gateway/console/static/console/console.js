// Comfort for pages that work without it: live parts, switches that save themselves, copying numbers as E.164.
(function () {
  "use strict";

  // The viewer's time zone, so that the server can write times in it.
  if (document.cookie.indexOf("zone=") < 0 && window.Intl) {
    var zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
    if (zone) document.cookie = "zone=" + encodeURIComponent(zone).replace(/%2F/g, "/") + "; path=/; max-age=31536000; samesite=lax";
  }

  function toEnd() {
    document.querySelectorAll("[data-scroll-end]").forEach(function (box) { box.scrollTop = box.scrollHeight; });
  }

  // data-live="address": every element with an id in its answer replaces the one here. 304: nothing changed.
  // The answer's header X-Live: end, or an answer that is an error page, ends it.
  function live(area) {
    var tag = "";
    var every = (parseFloat(area.dataset.liveEvery) || 2) * 1000;
    var timer = setInterval(look, every);

    // The last answer replaces also what has the focus: a button that no longer means anything would stay.
    function replace(html, last) {
      var fresh = new DOMParser().parseFromString(html, "text/html");
      fresh.querySelectorAll("[id]").forEach(function (next) {
        var old = document.getElementById(next.id);
        if (!old || old === next || !area.contains(old)) return;
        var focused = old.contains(document.activeElement);
        if (focused && !last) return;
        old.replaceWith(next);
        if (focused) document.getElementById("main").focus();
      });
      toEnd();
    }

    function look() {
      if (document.hidden) return;
      fetch(area.dataset.live, { headers: tag ? { "If-None-Match": tag } : {}, cache: "no-store", redirect: "manual" })
        .then(function (response) {
          var last = response.headers.get("X-Live") === "end";
          if (last) clearInterval(timer);
          if (response.status !== 200) return null;
          tag = response.headers.get("ETag") || "";
          return response.text().then(function (html) { replace(html, last); });
        })
        .catch(function () { /* the next look may succeed */ });
    }
  }
  document.querySelectorAll("[data-live]").forEach(live);

  // data-saves-itself: the form is sent in the background; the button shows what it is now. When the server wants
  // more (a confirmation, a sign-in), the form is sent as it would be without this script.
  document.addEventListener("submit", function (event) {
    var form = event.target;
    if (!form.matches("[data-saves-itself]") || form.dataset.plain) return;
    var button = event.submitter || form.querySelector("button");
    event.preventDefault();
    var body = new FormData(form);
    body.set(button.name, button.value);
    button.setAttribute("aria-busy", "true");
    fetch(form.action, { method: "POST", body: body, headers: { "X-Requested-With": "console" } })
      .then(function (response) {
        if (response.status !== 204) throw new Error("more is wanted");
        var on = button.value === "on";
        button.setAttribute("aria-checked", String(on));
        button.value = on ? "off" : "on";
        button.removeAttribute("aria-busy");
      })
      .catch(function () {
        form.dataset.plain = "yes";
        form.requestSubmit(button);
      });
  });

  // data-submit-on-change: filters that are chosen apply at once.
  document.addEventListener("change", function (event) {
    var form = event.target.form;
    if (form && form.matches("[data-submit-on-change]") && event.target.matches("select, [type=date]")) form.requestSubmit();
  });

  // data-check="address" on a form: what was typed is looked at while it is typed; the answer fills #<data-check-into>.
  document.querySelectorAll("form[data-check]").forEach(function (form) {
    var waiting;
    form.addEventListener("input", function () {
      clearTimeout(waiting);
      waiting = setTimeout(function () {
        fetch(form.dataset.check, { method: "POST", body: new FormData(form), headers: { "X-Requested-With": "console" } })
          .then(function (response) { return response.ok ? response.text() : null; })
          .then(function (html) {
            var place = document.getElementById(form.dataset.checkInto);
            if (html !== null && place) {
              place.replaceChildren.apply(place, new DOMParser().parseFromString(html, "text/html").body.childNodes);
            }
          })
          .catch(function () { /* it is looked at again when it is sent */ });
      }, 250);
    });
  });

  // data-select-all="name": ticks every box of that name.
  document.addEventListener("change", function (event) {
    var name = event.target.dataset && event.target.dataset.selectAll;
    if (!name) return;
    document.querySelectorAll('input[type=checkbox][name="' + name + '"]').forEach(function (box) {
      box.checked = event.target.checked;
    });
  });

  // data-most-bytes on a file field: a file that is too large is refused before it is sent.
  document.addEventListener("change", function (event) {
    var field = event.target, most = Number(field.dataset && field.dataset.mostBytes);
    if (!most || !field.files) return;
    var large = field.files.length && field.files[0].size > most;
    field.setCustomValidity(large ? "This file has " + Math.ceil(field.files[0].size / 1e6) + " MB; an upload may have " + most / 1e6 + "." : "");
    field.reportValidity();
  });

  // data-keys: a letter presses the button that has it (data-key), unless somebody types.
  document.addEventListener("keydown", function (event) {
    if (event.ctrlKey || event.metaKey || event.altKey || /^(INPUT|TEXTAREA|SELECT)$/.test(event.target.tagName)) return;
    var wanted = document.querySelector('[data-key="' + CSS.escape(event.key.toLowerCase()) + '"]');
    if (wanted) { event.preventDefault(); wanted.click(); }
  });

  // A number that is copied is copied as E.164.
  document.addEventListener("copy", function (event) {
    var chosen = window.getSelection();
    if (!chosen || !chosen.rangeCount || !event.clipboardData) return;
    var start = chosen.anchorNode;
    if (start && start.nodeType !== Node.ELEMENT_NODE) start = start.parentElement;
    var single = start && start.closest("[data-copy]");
    var box = document.createElement("div");
    box.appendChild(chosen.getRangeAt(0).cloneContents());
    var found = box.querySelectorAll("[data-copy]");
    if (single && single.textContent.trim() === chosen.toString().trim()) {
      event.clipboardData.setData("text/plain", single.dataset.copy);
      event.preventDefault();
    } else if (found.length === 1 && found[0].textContent === chosen.toString().trim()) {
      event.clipboardData.setData("text/plain", found[0].dataset.copy);
      event.preventDefault();
    }
  });

  // Menus close on Escape and when something else is clicked.
  function closeMenus(except) {
    document.querySelectorAll("details.menu[open]").forEach(function (menu) { if (menu !== except) menu.open = false; });
  }
  document.addEventListener("click", function (event) { closeMenus(event.target.closest("details.menu")); });
  document.addEventListener("keydown", function (event) {
    if (event.key !== "Escape") return;
    var open = document.querySelector("details.menu[open]");
    if (open) { closeMenus(null); open.querySelector("summary").focus(); }
  });

  toEnd();
})();
