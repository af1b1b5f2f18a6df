// Which questions are shown, and in what order.

function makeFilter(data, outcomes, traces) {
  const count = data.ids.length, runs = data.runs.length;
  const passages = (data.passages || []).map((text) => text.toLowerCase());
  const texts = new Array(count);
  const mixed = new Uint8Array(count), varied = new Uint8Array(count);
  const means = new Float32Array(count), gaps = new Float32Array(count);
  const metric = data.right ? data.right[0] : 0;
  for (let i = 0; i < count; i++) {
    const parts = [data.ids[i], data.questions ? data.questions[i] || "" : "", ...(data.gold ? data.gold[i] : [])];
    let right = 0, wrong = 0, sum = 0, counted = 0, low = Infinity, high = -Infinity, first;
    for (let run = 0; run < runs; run++) {
      const answers = data.answers[run], outcome = outcomes[run][i];
      if (answers) {
        if (answers[i]) parts.push(answers[i]);
        if (first === undefined) first = answers[i];
        else if (answers[i] !== first) varied[i] = 1;
      }
      right += outcome === RIGHT;
      wrong += outcome === WRONG;
      const score = data.scores[run].length ? data.scores[run][metric][i] : null;
      if (score !== null) { sum += score; counted++; low = Math.min(low, score); high = Math.max(high, score); }
    }
    mixed[i] = right > 0 && wrong > 0 ? 1 : 0;
    means[i] = counted ? sum / counted : Infinity;
    gaps[i] = counted ? high - low : -1;
    texts[i] = parts.join("\n").toLowerCase();
  }
  const all = Array.from({ length: count }, (_, i) => i);
  const orders = {
    file: all,
    worst: all.slice().sort((a, b) => means[a] - means[b] || a - b),
    gap: all.slice().sort((a, b) => gaps[b] - gaps[a] || a - b),
  };

  function test(wanted) {
    const in_ = wanted.run === "" ? outcomes : [outcomes[Number(wanted.run)]];
    switch (wanted.outcome) {
      case "right": return (i) => in_.every((own) => own[i] === RIGHT);
      case "wrong": return (i) => in_.every((own) => own[i] === WRONG);
      case "differs": return (i) => mixed[i] === 1;
      case "answers": return (i) => varied[i] === 1;
      case "traced": return (i) => traces !== null && i in traces;
      default: return () => true;
    }
  }

  return (wanted) => {
    const words = wanted.search.toLowerCase().trim();
    const hit = words ? passages.map((text) => text.includes(words)) : null;
    const fits = test(wanted);
    const type = wanted.type === "" ? null : Number(wanted.type);
    return orders[wanted.order].filter((i) =>
      fits(i) && (type === null || data.types[i] === type) &&
      (!words || texts[i].includes(words) || (data.passagesOf && data.passagesOf[i].some((place) => hit[place]))));
  };
}
