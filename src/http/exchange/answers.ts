/** How many of a route's answers began with each digit: [2] counts 2xx. [0]: the sender was gone before. */
export type Answers = number[];

export function createAnswers(): Answers {
  return [0, 0, 0, 0, 0, 0];
}

/** 0: the sender was gone. */
export function countAnswer(answers: Answers, status: number): void {
  const digit = Math.trunc(status / 100);
  answers[digit] = (answers[digit] ?? 0) + 1;
}
