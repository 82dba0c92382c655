/** Request rates and resource metrics by five minutes, an hour ahead, rolling origin. */
import { compareForecasters } from './support/forecasting.mjs';

export const claim = 'error of each forecaster ÷ that of "as a day ago": 5 minutes, an hour ahead';
export const servers = [];

export function measure() {
  return compareForecasters({
    bucketMs: 300_000, horizon: 12, origins: () => 8, stride: 150, seeds: 2, steps: 1500,
    goals: { chosen: '<= 0.7', lstm: null, prophet: null },
  });
}
