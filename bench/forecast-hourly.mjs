/** Request rates and resource metrics by the hour, a day ahead, rolling origin. */
import { compareForecasters } from './support/forecasting.mjs';

export const claim = 'error of each forecaster ÷ that of "as a day ago": hourly, 24 hours ahead';
export const servers = [];

export function measure() {
  return compareForecasters({
    bucketMs: 3_600_000, horizon: 24, origins: (days) => (days < 17 ? 4 : 7), stride: 24, seeds: 3, steps: 500,
    goals: { chosen: '<= 0.75', lstm: '<= 0.75', prophet: '<= 0.9' },
  });
}
